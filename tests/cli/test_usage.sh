# SPDX-License-Identifier: Apache-2.0
# Commands and options: what there is, what there is not, and what was probably meant.
. "$(dirname "$0")/cli.sh"

run 2
err_is 'natsway: no command; `natsway help` lists them'
run 2 chek a.yaml
err_is 'natsway: there is no command "chek"; did you mean "check"? `natsway help` lists them'
run 2 xyzzy
err_is 'natsway: there is no command "xyzzy"; `natsway help` lists them'
run 2 help runn
err_has 'did you mean "run"?'

run 2 run
err_has 'usage: natsway run FILE...'
run 2 try one
err_has 'usage: natsway try FILE ROUTE'
run 2 version now
err_has 'usage: natsway version'

run 2 run a.yaml --stat-dir x
err_is 'natsway run: there is no option --stat-dir; did you mean --state-dir?'
run 2 check a.yaml --key k
err_has 'there is no option --key'
run 2 check a.yaml -x
err_is 'natsway check: there is no option -x'
run 2 run a.yaml --state-dir
err_is 'natsway run: --state-dir wants DIR'
run 2 run a.yaml --log-level=loud
err_is 'natsway run: --log-level wants one of: error warning info debug; found "loud"'
run 2 run a.yaml --log-format xml
err_has '--log-format wants one of: text json; found "xml"'
run 2 check a.yaml --help=yes
err_has '--help has no value'

run 2 plan
err_has 'usage: natsway plan FILE...'
run 2 seek orders
err_has 'natsway seek: --to TIME, --to beginning, --to end or --to-sequence N?'
run 2 seek orders --to end --to-sequence 1
err_has 'natsway seek: --to TIME'
run 2 seek orders --to tomorrow
err_has '--to wants a time like 2026-01-31T12:00:00Z, beginning or end, found "tomorrow"'
run 2 seek orders --to-sequence one
err_has '--to-sequence wants a number, found "one"'
run 3 reload --admin http://127.0.0.1:1
err_has 'natsway: no answer from the running bridge: http://127.0.0.1:1/api/reload: '

run 0 help
for command in run check try reload plan seek docs connectors version help; do
    out_has "natsway $command"
done
run 0 --help
out_has 'natsway run'
run 0 help try
out_has '--address ADDRESS'
run 0 try -h
out_has '--address ADDRESS'
run 0 version
out_has 'natsway '
out_has 'connector interface 1'
run 0 --version
out_has 'natsway '

shown="version >/dev/full"
"$natsway" version >/dev/full 2>"$dir/err"
code=$?
[ "$code" -eq 4 ] || fail "a full disk is no success"
err_has 'standard output cannot be written'

shown="version >&-"
"$natsway" version >&- 2>"$dir/err"
code=$?
[ "$code" -eq 4 ] || fail "a closed output is no success"
err_has 'standard output cannot be written'

# What is closed is not taken by the files of the program.
cat >closed.yaml <<'END'
admin: off
nats: {url: "nats://127.0.0.1:9"}
routes: {in: {from: {file: a.log}, to: {jetstream: a}}}
END
shown="run closed.yaml <&- >&- 2>&-"
"$natsway" run closed.yaml --state-dir "$dir/closed" <&- >&- 2>&- &
pid=$!
waited=0
until [ -e "$dir/closed/state.db" ] || [ "$waited" -eq 300 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
for fd in 0 1 2; do
    code=$(readlink "/proc/$pid/fd/$fd")
    [ "$code" = /dev/null ] || fail "descriptor $fd should be /dev/null"
done
kill -TERM "$pid" "$pid" # timeout(1) does the same: one for the process, one for its group
wait "$pid"
code=$?
[ "$code" -eq 0 ] || fail "two signals at once are one"
finish
