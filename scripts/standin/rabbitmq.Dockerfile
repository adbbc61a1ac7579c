# Stands in for rabbitmq where no container registry can be reached: scripts/compose-smoke.
FROM python:3.13-slim-trixie
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends rabbitmq-server && \
    rm -rf /var/lib/apt/lists/* && mkdir -p /etc/rabbitmq/conf.d && chown -R rabbitmq:rabbitmq /etc/rabbitmq /var/lib/rabbitmq
COPY rabbitmq-entrypoint.sh /entrypoint.sh
USER rabbitmq
ENV HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
VOLUME /var/lib/rabbitmq
ENTRYPOINT ["sh", "/entrypoint.sh"]
