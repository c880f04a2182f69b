#!/bin/bash
# A program that behaves as bayader does towards install.sh, and breaks where it is told to. Its database is a text: the schema's
# number, then an order a line.
version=@VERSION@ schema=@SCHEMA@ breaks=" @BREAKS@ "
machine=${PATH%%/fakes:*}
breaks_at() { [[ $breaks == *" $1 "* ]]; }
fault() {
    echo "bayader: $*" >&2
    exit 1
}
data=$machine/root/var/lib/bayader to='' listen=''
words=("$@")
for ((i = 0; i < $#; i++)); do
    case ${words[i]} in
        --data-dir) data=${words[i + 1]} ;;
        --to) to=${words[i + 1]} ;;
        --listen) listen=${words[i + 1]} ;;
    esac
done
db=$data/bayader.db
stored() { head -n 1 "$db"; }
migrate() {
    (($(stored) <= schema)) || fault "the database is of a newer version"
    sed -i "1s/.*/$schema/" "$db"
}

! breaks_at "$1" || [[ $1 == migrate && $data == */rehearsal/* ]] || {
    # What breaks a migration breaks it in its middle.
    [[ $1 != migrate ]] || sed -i "1s/.*/99/" "$db"
    fault "told to break at $1"
}
case "$1" in
    --version) echo "bayader $version" ;;
    config) ;;
    backup) cp "$db" "$to" ;;
    restore) mkdir -p "$data" && cp "$2" "$db" ;;
    migrate) migrate ;;
    doctor) [[ $(stored) == "$schema" ]] || fault "the database is of another version" ;;
    qr) echo "[QR of $2]" ;;
    admin) if [[ -f $machine/owner ]]; then fault "there is an owner"; else echo K7QM-2XRD; fi ;;
    serve)
        migrate
        : > "$data/serving"
        trap 'rm -f "$data/serving"; kill $!; exit 0' TERM
        /bin/sleep 60 &
        wait $!
        ;;
    health)
        if [[ -n $listen ]]; then
            [[ -f $data/serving ]] || /bin/sleep 0.05
            [[ -f $data/serving ]]
        else
            [[ $(cat "$machine/running" 2> /dev/null) == "$version" ]] && ! breaks_at well
        fi
        ;;
    start-by-systemd)
        ! breaks_at start || fault "told to break at start"
        [[ -f $db ]] || echo "$schema" > "$db"
        migrate
        # The doors open: from here on orders are answered.
        rm -f "$data/unopened"
        order="order $RANDOM$RANDOM by $version"
        echo "$order" >> "$db"
        echo "$order" >> "$machine/acknowledged"
        echo "$version" > "$machine/running"
        ;;
    *) fault "no such command: $1" ;;
esac
