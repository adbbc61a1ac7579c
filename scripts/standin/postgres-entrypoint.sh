# What the official image's entrypoint does with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB: once, in an empty folder.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    new=$PGDATA/../password
    printf %s "$POSTGRES_PASSWORD" > "$new"
    initdb --username="$POSTGRES_USER" --pwfile="$new" --auth-host=scram-sha-256 --auth-local=trust > /dev/null
    rm "$new"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -w -o "-c listen_addresses=" start > /dev/null
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB" 2> /dev/null || [ "$POSTGRES_DB" = postgres ]
    pg_ctl -w stop > /dev/null
fi
exec postgres -c "listen_addresses=*"
