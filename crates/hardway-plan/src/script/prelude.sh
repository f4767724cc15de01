umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
state=/var/lib/hardway
# The folder of an unpacked archive of packages that apt_get installs from alone; empty for the machine's own mirrors.
repository=

# perform NUMBER: run step_NUMBER, telling the operator when it begins and ends.
perform() {
    printf '\036 begin %s\n' "$1"
    (
        set -eu
        "step_$1"
    ) </dev/null 2>&1
    code=$?
    if [ "$code" -ne 0 ]; then
        printf '\036 fail %s %s\n' "$1" "$code"
        exit 1
    fi
    printf '\036 done %s\n' "$1"
}

# beside PATH: set new to a name of this run's own beside PATH, and remove what runs that were cut off left there. One that
# nobody listens to any more may still be at its last step.
beside() {
    for left in "${1%/*}/.${1##*/}".*.hardway; do
        pid=${left%.hardway}
        if { [ -e "$left" ] || [ -L "$left" ]; } && ! kill -0 "${pid##*.}" 2>/dev/null; then
            rm -f "$left"
        fi
    done
    new="${1%/*}/.${1##*/}.$$.hardway"
}

# put FILE PATH MODE OWNER: replace PATH at once, so that nobody ever reads half of it.
put() {
    # A hundred files are written in a row: each program that need not be started counts.
    [ -d "${2%/*}" ] || mkdir -p "${2%/*}"
    beside "$2"
    install -m "$3" -o "${4%:*}" -g "${4#*:}" "$1" "$new"
    sync "$new"
    mv -fT "$new" "$2"
}

# keep PATH: set aside what stands there, so that it can be put back one day.
keep() {
    if [ -e "$1" ] && [ ! -e "$state/originals$1" ]; then
        mkdir -p "$state/originals${1%/*}"
        beside "$state/originals$1"
        cp -a "$1" "$new"
        sync "$new"
        mv -fT "$new" "$state/originals$1"
    fi
}

# put_back PATH: what was set aside. Where nothing was, a run was cut off before it replaced anything.
put_back() {
    if [ -e "$state/originals$1" ]; then
        beside "$1"
        cp -a "$state/originals$1" "$new"
        mv -fT "$new" "$1"
    fi
}

# discard PATH: remove it, with what a run that was cut off left beside it.
discard() {
    beside "$1"
    rm -f "$1"
}

# place_link TARGET PATH: point PATH to TARGET at once.
place_link() {
    [ -d "${2%/*}" ] || mkdir -p "${2%/*}"
    beside "$2"
    ln -sfn "$1" "$new"
    mv -fT "$new" "$2"
}

# wait_until SECONDS FUNCTION: ask until FUNCTION succeeds; fail with its last words.
wait_until() {
    end=$(($(date +%s) + $1))
    while :; do
        # Not part of an && or || list, so that the function's own set -e holds.
        set +e
        said=$(
            set -e
            "$2" 2>&1
        )
        code=$?
        set -e
        [ "$code" -eq 0 ] && return 0
        if [ "$(date +%s)" -ge "$end" ]; then
            printf 'still not so after %s s\n%s\n' "$1" "$said"
            return 1
        fi
        sleep 0.1
    done
}

# unit_action VERB UNIT PATH...: what the unit says of a failure is the operator's best clue. What the process is about to
# read is noted beside what tells this process from a later one, so that it is known to run what stands on disk.
unit_action() {
    verb=$1
    unit=$2
    shift 2
    case $verb in
        reload) folder=$state/reloaded ;;
        *) folder=$state/started ;;
    esac
    [ -d "$folder" ] || mkdir -p "$folder"
    # Without a path it would read its own input, which is empty; a path that is missing is not read.
    sha256sum "$@" >digests 2>/dev/null || true
    # One that failed time and again is started no more, though its cause may be mended by now.
    systemctl reset-failed "$unit" 2>/dev/null || true
    if ! systemctl "$verb" "$unit"; then
        journalctl --no-pager --quiet --output=cat --unit="$unit" --lines=20
        return 1
    fi
    systemctl show --timestamp=us+utc --property=InvocationID,StateChangeTimestamp "$unit" >noted
    cat digests >>noted
    mv -f noted "$folder/$unit"
}

# ready UNIT SECONDS FUNCTION: wait for a unit's own condition, or show why it does not come.
ready() {
    if ! wait_until "$2" "$3"; then
        journalctl --no-pager --quiet --output=cat --unit="$1" --lines=20
        return 1
    fi
}

# apt_install PACKAGE...: install, and remember what came along that was not there before.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    mkdir -p "$state"
    if ! apt_note "$@" || ! apt_get install "$@"; then
        apt_get update
        apt_note "$@"
        apt_get install "$@"
    fi
}

# apt_install_from ARCHIVE PACKAGE...: as apt_install, from an archive that was copied here. Nobody else is asked, and no
# connection is made. What is installed in a newer version stays as it is.
apt_install_from() {
    export DEBIAN_FRONTEND=noninteractive
    repository=${1%.tar}
    rm -rf "$repository"
    mkdir -p "$repository/lists/partial" "$repository/cache/archives/partial"
    tar -xf "$1" -C "$repository"
    shift
    # Nothing in it is signed, and need not be: when it was copied, its digest was that of the archive that hardway knows.
    echo "deb [trusted=yes] file:$repository ./" >"$repository/sources.list"
    apt_get update
    if ! apt_note "$@"; then
        cat simulated
        return 1
    fi
    apt_get install "$@"
}

# apt_note PACKAGE...: note what installing them is about to add. Beforehand, as it may be cut off; and from apt, since
# what else is at work here (upgrades, a stage whose operator is gone) changes packages that are not ours.
apt_note() {
    apt_get --simulate install "$@" >simulated && sed -n 's/^Inst \([^ ]*\) (.*/\1/p' simulated >>"$state/packages"
}

# remove_packages PACKAGE...: purge them, and of what came along with them what nothing needs any more. What others that
# are not hardway's rest on by now stays.
remove_packages() {
    export DEBIAN_FRONTEND=noninteractive
    # A run that was cut off may have come this far.
    there=
    for package; do
        if dpkg-query -W "$package" >/dev/null 2>&1; then there="$there $package"; fi
    done
    [ -n "$there" ] || return 0
    printf '%s\n' "$@" | cat - "$state/packages" 2>/dev/null | sort -u >ours
    # shellcheck disable=SC2086 # package names have no spaces
    apt_get --simulate purge $there >simulated
    others=$(removed_by simulated | grep -vxFf ours || true)
    if [ -n "$others" ]; then
        echo "left installed, since others rest on it:$there"
        echo "$others"
        return 0
    fi
    # shellcheck disable=SC2086 # package names have no spaces
    apt_get --simulate -o APT::AutoRemove::RecommendsImportant=false -o APT::AutoRemove::SuggestsImportant=false \
        purge --auto-remove $there >simulated
    removed_by simulated | grep -xFf ours >going
    # shellcheck disable=SC2046 # package names have no spaces
    apt_get purge $(cat going)
    if [ -e "$state/packages" ]; then
        grep -vxFf going "$state/packages" >left || true
        mv -f left "$state/packages"
    fi
}

# removed_by FILE: the packages that apt says in FILE it would take away.
removed_by() {
    sed -n 's/^\(Purg\|Remv\) \([^ ]*\) .*/\2/p' "$1"
}

# apt_get ARGUMENTS: another package manager may be at work for a while (unattended upgrades).
apt_get() {
    # One that was cut off in its work is let finish it. Where it still works, these are its own, and it has the lock.
    if [ -n "$(ls /var/lib/dpkg/updates)" ]; then
        dpkg --force-confold --configure -a || true
    fi
    if [ -n "$repository" ]; then
        # Lists and cache of its own leave the machine's as they are. Only root may look into the folder.
        set -- -o "Dir::Etc::SourceList=$repository/sources.list" -o Dir::Etc::SourceParts=/dev/null \
            -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release= \
            -o "Dir::State::Lists=$repository/lists" -o "Dir::Cache=$repository/cache" -o Acquire::Languages=none \
            -o APT::Sandbox::User=root "$@"
    fi
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold --no-install-recommends "$@"
}

# without_hosts [FILE]: /etc/hosts without hardway's lines. Where their end was lost, the lines that FILE has too.
without_hosts() {
    if [ ! -e /etc/hosts ]; then
        : >/etc/hosts
        chmod 644 /etc/hosts
    fi
    awk -v ours="${1-/dev/null}" '
        function give_back() {
            for (i = 0; i < count; i++) if (!(held[i] in known)) print held[i]
            count = 0
        }
        BEGIN { while ((getline line <ours) > 0) known[line] = 1 }
        /^# hardway begin$/ { give_back(); inside = 1; next }
        /^# hardway end$/ { count = inside = 0; next }
        inside { held[count++] = $0; next }
        { print }
        END { give_back() }
    ' /etc/hosts
}
