#!/bin/bash
# Every command that install.sh calls, in a machine that is a folder: which one is told by the name of the link. The folder is the
# one whose fakes/ stands first in PATH, because nothing else of the environment reaches a command of the shop's user.
#   calls     every command with its arguments
#   die-at    at the command of this number everything dies at once, as when the power goes
#   running   the version that serves, acknowledged: the orders it has answered
machine=${PATH%%/fakes:*}
machine=${machine##*:}
export PATH=$PATH
name=${0##*/}
real() { # the command of the real machine
    PATH=${PATH#*/fakes:} exec "$name" "$@"
}

echo "$name $*" >> "$machine/calls"
case $name in
    install | mv | cp | rm | mkdir | touch | ln | systemctl | useradd | setpriv)
        echo >> "$machine/count"
        # Not "equal": two at once count two.
        if [[ -f $machine/die-at ]] && (($(wc -l < "$machine/count") >= $(< "$machine/die-at"))); then kill -KILL 0; fi
        ;;
esac

# As systemd starts the shop: what an upgrade has left first, then the server, and again while it dies.
start_shop() {
    local try
    for ((try = 0; try < 6; try++)); do
        if [[ -f $machine/root/usr/local/lib/bayader/state/upgrade ]]; then
            DESTDIR=$machine/root "$machine/root/usr/local/lib/bayader/bayader-upgrade" step >> "$machine/step.log" 2>&1
        fi
        if "$machine/root/usr/local/bin/bayader" start-by-systemd >> "$machine/step.log" 2>&1; then
            echo "$RANDOM" > "$machine/pid"
            return 0
        fi
    done
    return 1
}

case $name in
    install)
        kept=()
        while (($# > 0)); do
            case $1 in -o | -g) shift 2 ;; *) kept+=("$1") && shift ;; esac
        done
        real "${kept[@]}"
        ;;
    mv | cp | rm | mkdir | touch | ln) real "$@" ;;
    chown | sleep) ;;
    sync) for file in "$@"; do [[ -e $file ]] || exit 1; done ;;
    id) echo "$(< "$machine/uid")" ;;
    getent) [[ -f $machine/user ]] && echo "bayader:x:990:990::/var/lib/bayader:/usr/sbin/nologin" ;;
    useradd) touch "$machine/user" ;;
    setpriv)
        [[ -f $machine/user ]] || exit 1
        while [[ $1 != -- ]]; do shift; done
        shift
        exec "$@"
        ;;
    ip) echo "192.0.2.1 via 10.0.0.1 dev eth0 src 10.0.0.7 uid 0" ;;
    ss) while read -r port; do [[ "$*" != *":$port" ]] || echo "LISTEN 0 128 *:$port"; done < "$machine/taken" ;;
    df) echo "Filesystem 1024-blocks Used Available Capacity Mounted" && echo "/dev/vda 1 1 $(< "$machine/free-kb") 1% /" ;;
    rustup) exit 1 ;;
    cargo)
        if [[ $1 == --version ]]; then
            echo "cargo $(< "$machine/cargo") (fake)"
        else
            echo "cargo ran" > "$machine/built"
        fi
        ;;
    apt-get) exit 100 ;;
    systemctl)
        words=()
        for word in "$@"; do [[ $word == --* ]] || words+=("$word"); done
        unit=${words[-1]}
        mkdir -p "$machine/enabled" "$machine/active"
        case ${words[0]} in
            enable) for unit in "${words[@]:1}"; do : > "$machine/enabled/$unit"; done ;;
            disable) for unit in "${words[@]:1}"; do PATH=${PATH#*/fakes:} rm -f "$machine/enabled/$unit" "$machine/active/$unit"; done
                [[ $unit != bayader.service ]] || PATH=${PATH#*/fakes:} rm -f "$machine/running" ;;
            stop) for unit in "${words[@]:1}"; do PATH=${PATH#*/fakes:} rm -f "$machine/active/$unit"; done
                [[ " ${words[*]} " != *" bayader.service "* ]] || PATH=${PATH#*/fakes:} rm -f "$machine/running" ;;
            start | restart)
                if [[ $unit == bayader.service ]]; then
                    if [[ ${words[0]} == start && -f $machine/running ]]; then exit 0; fi
                    PATH=${PATH#*/fakes:} rm -f "$machine/running"
                    start_shop || [[ "$*" == *--no-block* ]] || exit 1
                fi
                : > "$machine/active/$unit"
                ;;
            is-active)
                answer=active
                if [[ ! -f $machine/active/$unit || ($unit == bayader.service && ! -f $machine/running) ]]; then answer=inactive; fi
                [[ "$*" == *--quiet* ]] || echo $answer
                [[ $answer == active ]] || exit 3
                ;;
            is-enabled) [[ -f $machine/enabled/$unit ]] ;;
            show)
                case "$*" in
                    *NRestarts*) echo 0 ;;
                    *MainPID*) if [[ -f $machine/running ]]; then cat "$machine/pid"; else echo 0; fi ;;
                esac
                ;;
            daemon-reload | try-restart) ;;
            *) exit 1 ;;
        esac
        ;;
    *) echo "no fake of $name" >&2 && exit 1 ;;
esac
