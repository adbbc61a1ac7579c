"""Will the tasks of a Celery app survive `kill -9`? `umbel check-app` asks, of any app, without a server.

Owns: the facts that count (`record`), reading them from an app (`read`, `waits`) and its broker (`ask`), and the rules.
May import: `umbel.celery.locate`, plan, errors; Celery where facts are read, not in rules.
Promises: a rule is a pure function of the facts and names its source in Celery, kombu or their documentation; reading
an app writes nothing and speaks to nobody.
"""
