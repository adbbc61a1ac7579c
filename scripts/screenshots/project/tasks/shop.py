"""The tasks behind the pictures. A file called as the run says that its held parcel may go on."""

import os
import time
from pathlib import Path

from umbel import task

HOME = Path(os.environ["SHOTS_HOME"])
PATIENCE = 120


class CardRefused(Exception):
    """The bank says no."""


class BankTimeout(Exception):
    """The bank says nothing."""


@task(name="shop.validate")
def validate(previous, *, payload, workflow_id):
    time.sleep(0.05)
    return {"order": payload["order"], "valid": True}


@task(name="shop.reserve")
def reserve(previous, *, payload, workflow_id):
    time.sleep(0.1)
    return [{"number": n + 1, "run": workflow_id, "held": n == payload.get("held")} for n in range(payload["parcels"])]


@task(name="shop.price")
def price(previous, *, payload, workflow_id):
    time.sleep(0.2)
    return {"total": 118.40, "currency": "EUR"}


@task(name="shop.fraud")
def fraud(previous, *, payload, workflow_id):
    time.sleep(0.15)
    return {"score": 0.07}


@task(name="shop.charge", bind=True, max_retries=3)
def charge(self, previous, *, payload, workflow_id):
    card = payload.get("card", "good")
    print(f"asking the bank for the money of {payload['order']}", flush=True)
    time.sleep(0.1)
    if card == "stolen":
        if self.request.retries < 2:
            raise self.retry(exc=BankTimeout("the bank did not answer within 2 s"), countdown=1)
        raise CardRefused(f"card refused for order {payload['order']}: reported as stolen")
    if card == "slow" and self.request.retries < 2:
        raise self.retry(exc=BankTimeout("the bank did not answer within 2 s"), countdown=payload.get("pause", 1))
    return {"paid": 118.40}


@task(name="shop.label")
def label(parcel):
    print(f"printing the label of parcel {parcel['number']}", flush=True)
    time.sleep(0.3)
    until = time.monotonic() + PATIENCE
    while parcel["held"] and not (HOME / parcel["run"]).exists() and time.monotonic() < until:
        time.sleep(0.05)
    return f"label-{parcel['number']}.pdf"


@task(name="shop.ship")
def ship(previous, *, payload, workflow_id):
    time.sleep(0.2)
    return {"tracking": "UM-2209"}


@task(name="shop.receipt")
def receipt(previous, *, payload, workflow_id):
    time.sleep(0.1)
    return "receipt.pdf"


@task(name="shop.mail")
def mail(previous, *, payload, workflow_id):
    return {"sent": True}


@task(name="shop.collect")
def collect(previous, *, payload, workflow_id):
    time.sleep(0.3)
    return 41


@task(name="shop.summary")
def summary(previous, *, payload, workflow_id):
    return {"orders": previous}
