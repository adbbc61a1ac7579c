# Stands in for postgres where no container registry can be reached: scripts/compose-smoke.
FROM python:3.13-slim-trixie
RUN mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf && \
    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-17 && \
    rm -rf /var/lib/apt/lists/* && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8
COPY postgres-entrypoint.sh /entrypoint.sh
USER postgres
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/entrypoint.sh"]
