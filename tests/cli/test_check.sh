# SPDX-License-Identifier: Apache-2.0
# `check`: one line and 0, or every error with its place and 1. The texts of single errors are in
# the configuration's own tests.
. "$(dirname "$0")/cli.sh"

cat >good.yaml <<'END'
dead_letter: "dlq.{{route}}"
routes:
  copy:
    from: {jetstream: "a.>"}
    to: {jetstream: "b.>"}
END
run 0 check good.yaml
out_has '1 route'
err_lines 0

run 1 check nowhere.yaml
err_has 'nowhere.yaml'
err_has 'No such file or directory'

cat >bad.yaml <<'END'
routes:
  one:
    from: {nats: x, qeue: q}
    to: {nats: y}
  two:
    from: {nats: x}
    to: {natz: y}
END
run 1 check bad.yaml
err_has 'bad.yaml:3:'
err_has ': one: '
err_has 'queue'
err_has 'bad.yaml:7:'
err_has ': two: '
err_lines 2

# run refuses the same, at once.
run 1 run bad.yaml
err_lines 2
finish
