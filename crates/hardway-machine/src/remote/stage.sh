# Reads a tar from stdin: `script`, and its files below `files`. Runs it there and passes its lines on.
# Prints, at the end: RS exit STATUS.

for left in /run/hardway.*; do
    # A folder whose process is gone was left by a machine that went down or a shell that was killed.
    if [ -d "$left" ] && ! kill -0 "${left##*.}" 2>/dev/null; then
        rm -rf "$left"
    fi
done

dir=/run/hardway.$$
# Each program that need not be started counts: a stage often does less than what runs it.
mkdir -m 700 "$dir" "$dir/files" || exit
trap '[ ! -d "$dir" ] || rm -rf "$dir"' EXIT
# Modification times are those of now (-m): what is newer than a unit's start shows that it needs a restart.
tar -xmf - -C "$dir" || exit
cd "$dir/files" || exit

{
    # Held by the steps, also by one whose operator and script are gone: whoever plans anew waits for it.
    exec 8</run
    flock -s 8
    sh ../script </dev/null &
    echo "$!" >../pid
    wait "$!"
    code=$?
    exec 8<&-
    # Here, not later: a process that a step left behind may hold the pipe open for ever.
    cd / && rm -rf "$dir"
    printf '\036 exit %s\n' "$code"
} 2>&1 | {
    cat || {
        # Nobody listens any more: the step in progress may finish, the next one must not start.
        if [ -f ../pid ]; then
            kill "$(cat ../pid)"
        fi
        cat >/dev/null
    }
}
