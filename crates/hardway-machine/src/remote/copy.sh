# Reads a file from stdin. Needs: dest, sum (SHA-256), size (bytes), mode, index (a path, or empty), stat (a format),
# packed (true, false).
# Prints one of: ok; full; mismatch SHA-256; failed.

dir=${dest%/*}
name=${dest##*/}
# Each program that need not be started counts.
[ -d "$dir" ] || mkdir -p "$dir" || exit
# Of copies that were given up. One may still be there, waiting at a connection that nobody closed: without its file it
# ends as failed, and nobody hears it.
for left in "$dir/.$name".*.part; do
    [ ! -e "$left" ] || rm -f "$left"
done
part=$dir/.$name.$$.part
trap '[ ! -e "$part" ] || rm -f "$part"' EXIT
# Killed by a signal, a shell runs no EXIT trap; of a copy that was given up nobody hears the answer.
trap '' PIPE

# In bytes.
free() {
    df -kP "$dir" | {
        read -r _
        read -r _ _ _ blocks _
        echo "$((blocks * 1024))"
    }
}

# What runs on the machine goes first: an API server that starts or serves gets ten times as much of a busy processor.
# OpenSSL uses the processor's own SHA instructions: four times as fast where both are there.
digest() {
    if command -v openssl >/dev/null; then
        nice openssl dgst -sha256 -r
    else
        nice sha256sum
    fi
}

receive() {
    if "$packed"; then nice zstd -dcq; else cat; fi
}

if [ "$(free)" -lt "$size" ]; then
    echo full
    exit
fi

if ! receive >"$part"; then
    rm -f "$part"
    if [ "$(free)" -lt "$size" ]; then echo full; else echo failed; fi
    exit
fi
# Of what was written, not of what came: one pipe less, which costs more than reading the file from memory.
got=$(digest <"$part")
got=${got%% *}
if [ "$got" != "$sum" ]; then
    echo "mismatch $got"
    exit
fi
if ! { chmod "$mode" "$part" && sync "$part" && mv -fT -- "$part" "$dest"; }; then
    echo failed
    exit
fi
if [ -n "$index" ]; then
    # What the probe compares, so that it need not read the file again.
    [ -d "${index%/*}" ] || mkdir -p "${index%/*}"
    if ! { printf '%s %s\n' "$sum" "$(stat -c "$stat" -- "$dest")" >"$index.$$" && mv -fT -- "$index.$$" "$index"; }; then
        echo failed
        exit
    fi
fi
echo ok
