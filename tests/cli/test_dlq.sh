# SPDX-License-Identifier: Apache-2.0
# `natsway dlq` on the command line: its actions, their options, and a server that is not there.
. "$(dirname "$0")/cli.sh"

cat >a.yaml <<'YAML'
nats: {url: "nats://127.0.0.1:1"}
dead_letter: "dlq.{{route}}"
routes:
  orders:
    from: {jetstream: "in.>"}
    to: {jetstream: "out.x"}
YAML

run 2 dlq
err_has 'usage: natsway dlq ACTION FILE...'
err_has 'ACTION is ls, show, edit, retry or purge'
run 2 dlq lss a.yaml
err_has 'natsway dlq: there is no action "lss"; did you mean "ls"?'
run 2 dlq a.yaml
err_has 'there is no action "a.yaml"'
run 2 dlq ls
err_has 'usage: natsway dlq ls FILE...'
err_has '`natsway dlq ls --help` says more'
run 0 help dlq
for action in ls show edit retry purge; do
    out_has "natsway dlq $action FILE..."
done
run 0 dlq --help
out_has 'natsway dlq retry FILE...'
run 0 dlq retry --help
out_has '--timeout DURATION'

run 2 dlq ls a.yaml --dry-run
err_is 'natsway dlq ls: there is no option --dry-run'
run 2 dlq retry a.yaml --dryrun
err_is 'natsway dlq retry: there is no option --dryrun; did you mean --dry-run?'
run 2 dlq ls a.yaml --seq
err_is 'natsway dlq ls: --seq wants N'
for seq in x 0 -1 5- 9-5 1,, 1,x '' 1-2-3; do
    run 2 dlq ls a.yaml --seq "$seq"
    err_has '--seq wants a number like 5, or 5-9, or 5,7; found'
    err_lines 1
done
run 2 dlq ls a.yaml --since yesterday
err_has '--since wants a time like 2026-01-01T00:00:00Z, or how long ago, like 2h; found "yesterday"'
run 2 dlq ls a.yaml --subject 'a..b'
err_has 'natsway dlq ls: --subject: '
run 2 dlq retry a.yaml --timeout soon
err_has 'natsway dlq retry: --timeout: '
run 2 dlq ls a.yaml --format xml
err_has '--format wants one of: text json; found "xml"'
run 2 dlq edit a.yaml
err_is 'natsway dlq edit: which one? --seq N'
run 2 dlq purge a.yaml
err_is 'natsway dlq purge: which ones? --route, --reason, --since, --seq, --subject, or --all'
run 2 dlq purge a.yaml --all --route orders
err_is 'natsway dlq purge: --all and a choice do not go together'

run 1 dlq ls none.yaml
err_has 'none.yaml'
for action in ls show retry 'purge --all' 'edit --seq 1'; do
    run 3 dlq $action a.yaml
    err_lines 1
    err_has ': NATS: '
done

finish
