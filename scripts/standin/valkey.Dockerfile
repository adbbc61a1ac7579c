# Stands in for valkey/valkey where no container registry can be reached: scripts/compose-smoke.
FROM python:3.13-slim-trixie
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends valkey-server valkey-tools && \
    rm -rf /var/lib/apt/lists/* && install -d -o valkey -g valkey /data
USER valkey
WORKDIR /data
VOLUME /data
CMD ["valkey-server"]
