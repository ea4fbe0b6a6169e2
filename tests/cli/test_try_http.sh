# SPDX-License-Identifier: Apache-2.0
# `try` with an HTTP source: parameters, query and method come out of the address.
. "$(dirname "$0")/cli.sh"
"$natsway" connectors | grep -q '^http ' || exit 0 # built without it

cat >t.yaml <<'END'
connections:
  http: {listen: "127.0.0.1:8080"}
routes:
  hook:
    from: {http: "POST /hooks/{repo}"}
    map: [{payload: "{id: $meta.param.repo, ref: $meta.query.ref, how: $meta.method}"}]
    to: {nats: "hooks.{{param('repo')}}"}
  either:
    from: {http: "PUT|POST /either"}
    map: [{payload: "$meta.method"}]
    to: {nats: either}
  call:
    from: {nats: calls}
    map: [{set: {headers: {A: "1", X-Token: of the message}}}]
    to: {http: "http://127.0.0.1:8080/", headers: {x-token: "t-{{id}}"}}
END
printf '{}' >in
run 2 try t.yaml hook
err_has 'say --address'
run 0 try t.yaml hook --address '/hooks/a%20b?ref=main&x=1'
out_has '"address":"hooks.a%20b"'
out_has '{"id":"a b","ref":"main","how":"POST"}'
run 0 try t.yaml hook --address 'POST /hooks/x'
out_has '"address":"hooks.x"'
run 1 try t.yaml hook --address /other/x
err_has 'cannot come from'
run 1 try t.yaml hook --address 'GET /hooks/x'
err_has 'cannot come from'
run 1 try t.yaml either --address 'GET /either'
err_has 'cannot come from'
run 0 try t.yaml either --address 'POST /either'
out_has '"payload":"POST"'
run 0 try t.yaml either
out_has '"payload":"PUT"'
run 0 try t.yaml call
out_has '"headers":{"A":["1"],"x-token":["t-try-1"]}'
finish
