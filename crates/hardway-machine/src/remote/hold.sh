# Keeps the machine to one holder, as long as a byte comes on stdin every so often.
# Needs: holder (who it is, one line), patience (seconds without a byte after which the holder is taken for dead).
# Prints, and ends with the second: held; taken, with the other holder's line.

lock=/run/hardway.lock
while :; do
    exec 9>>"$lock" || exit
    # One that has just died is gone a moment later.
    if ! flock -w 2 9; then
        echo "taken $(cat "$lock" 2>/dev/null)"
        exit
    fi
    # Whoever lets go removes the file: what was waited for may not be it any more.
    [ "$(stat -L -c %i /proc/self/fd/9)" = "$(stat -c %i "$lock" 2>/dev/null)" ] && break
done
trap 'rm -f "$lock"' EXIT
# Killed by a signal, a shell runs no EXIT trap.
trap exit HUP INT TERM
printf '%s\n' "$holder" >"$lock"
echo held
while [ -n "$(timeout "$patience" head -c 1)" ]; do :; done
