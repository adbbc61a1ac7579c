# What the official image makes of RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS.
set -eu
printf 'default_user = %s\ndefault_pass = %s\n' "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" > /etc/rabbitmq/conf.d/10-defaults.conf
exec /usr/lib/rabbitmq/bin/rabbitmq-server
