# SPDX-License-Identifier: Apache-2.0
# includes.sh SOURCES: the one-way arrows between the parts. A connector sees natsway/connector.h
# and the files of its own folder; base knows nothing of messages, and so on upwards.
cd "$1" || exit 1
bad=0

say() {
    echo "$1"
    bad=1
}

# Every "file" a connector includes is in its folder, and of ours it has only the contract.
for file in connectors/*/*.[ch]; do
    folder=$(dirname "$file")
    for name in $(sed -n 's/^#[ ]*include "\(.*\)"/\1/p' "$file"); do
        case "$name" in
        */*) say "$file: includes \"$name\", which is not in $folder" ;;
        *) [ -e "$folder/$name" ] || say "$file: includes \"$name\", which is not in $folder" ;;
        esac
    done
    for name in $(sed -n 's/^#[ ]*include <\(natsway\/.*\)>/\1/p' "$file"); do
        [ "$name" = natsway/connector.h ] || say "$file: includes <$name>; there is only natsway/connector.h"
    done
done

# uses FOLDER PART...: the files of FOLDER include of ours only those parts.
uses() {
    folder=$1
    shift
    for file in "$folder"/*.[ch]; do
        for name in $(sed -n 's/^#[ ]*include "\(.*\)\/.*"/\1/p' "$file" | sort -u); do
            case " $* " in
            *" $name "*) ;;
            *) say "$file: includes \"$name/…\"; $folder may use: $*" ;;
            esac
        done
    done
}
uses core/base base
uses core/message base message
uses mappings base message mappings
uses core/log base log
uses core/hub base hub
uses core/plugin base plugin hub
uses core/config base message mappings plugin hub config
uses core/store base message store
uses core/schemas base mappings schemas
uses core/pump base message mappings plugin hub config store log schemas pump
uses core/ops base message mappings plugin hub config store log pump ops

exit "$bad"
