# SPDX-License-Identifier: Apache-2.0
# Finding and loading connectors: each file that cannot be used gives one line with its path and
# what to do, and everything else that is wrong is said as well.
. "$(dirname "$0")/cli.sh"

run 0 connectors
for name in nats jetstream; do
    out_has "$name"
done
err_lines 0

mkdir bad
for name in other_abi other_sizes other_name no_entry lacks_library; do
    cp "$modules/$name.so" bad/
done
echo "not a shared object" >bad/text.so
echo "something else" >bad/README
run 1 connectors --connectors bad
err_lines 6
err_has 'bad/other_abi.so: is built for version 2 of the connector interface, this natsway has version 1'
err_has 'bad/other_sizes.so: its structures have other sizes'
err_has 'bad/other_name.so: is the connector someone; name the file someone.so'
err_has 'bad/no_entry.so: is not a connector: it does not define nw_connector_no_entry()'
err_has 'bad/lacks_library.so: lacks a library: libnot_installed.so: cannot open shared object file'
err_has 'bad/text.so: is not a connector:'
out_has jetstream

# With the errors of the configuration, all at once.
cat >a.yaml <<'END'
routes:
  a:
    from: {nats: x}
    to: {nats: y, nonsense: 1}
END
run 1 check a.yaml --connectors bad
err_lines 7
err_has 'nonsense'
NATSWAY_CONNECTOR_PATH="$dir/bad" run 1 check a.yaml
err_lines 7

run 1 connectors --connectors nowhere
err_is '--connectors nowhere: No such file or directory'
NATSWAY_CONNECTOR_PATH="$dir/nowhere:" run 0 connectors
err_lines 0

# The first found wins: a connector of another folder stands in for the one beside the program.
connectors=$(dirname "$(dirname "$natsway")")/connectors
if [ -e "$connectors/file.so" ]; then
    mkdir first second
    cp "$connectors/file.so" first/
    cp "$connectors/file.so" second/
    NATSWAY_CONNECTOR_PATH="$dir/second" run 0 connectors --connectors "$dir/first"
    out_has "$dir/first/file.so"
    NATSWAY_CONNECTOR_PATH="$dir/second" run 0 connectors
    out_has "$dir/second/file.so"
fi
finish
