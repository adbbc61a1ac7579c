"""One server's metrics: what it has counted, and what it reads from the stores when it is asked."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from umbel.observe.meters import METERS, OPEN, Meter

MOST: Final = 1000
"""Sets of labels that one metric has, at most. What comes later is counted under `other`."""
OTHER: Final = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, of no use to anybody here


class Sample(NamedTuple):
    """One value of a gauge."""

    meter: Meter
    labels: tuple[str, ...]
    value: float


class Metrics:
    """Counts, and writes it down for Prometheus. Thread safe.

    Args:
        read: reads the gauges; may take seconds, must not raise.
    """

    def __init__(self, read: Callable[[], Iterable[Sample]] = tuple) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._guard = threading.Lock()
        self._families: dict[str, Any] = {}
        self._children: dict[str, dict[tuple[str, ...], Any]] = {}
        for meter in METERS:
            if meter.read:
                continue
            if meter.kind == "counter":
                made: Any = Counter(meter.name, meter.help, meter.labels, registry=self.registry)
            elif meter.kind == "histogram":
                made = Histogram(meter.name, meter.help, meter.labels, buckets=meter.buckets, registry=self.registry)
            else:
                continue
            self._families[meter.name] = made
            self._children[meter.name] = {}
        self.registry.register(_Gauges(read))
        ProcessCollector(registry=self.registry)

    def count(self, meter: Meter, *labels: str, by: int = 1) -> None:
        """Adds to a counter; the labels in the order of the meter's."""
        self._child(meter, labels).inc(by)

    def observe(self, meter: Meter, seconds: float, *labels: str) -> None:
        """Adds to a histogram."""
        self._child(meter, labels).observe(seconds)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Everything in Prometheus's text format (OpenMetrics for who asks for it), and the media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    def _child(self, meter: Meter, labels: tuple[str, ...]) -> Any:
        known = self._children[meter.name]
        child = known.get(labels)
        if child is None:
            with self._guard:
                family = self._families[meter.name]
                given = labels if len(known) < MOST else _without_names(meter, labels)
                child = family.labels(*given) if labels else family
                if given is labels:
                    known[labels] = child
        return child


class _Gauges(Collector):
    """What the stores say at the moment of the scrape."""

    def __init__(self, read: Callable[[], Iterable[Sample]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        values: dict[Meter, dict[tuple[str, ...], float]] = {}
        for meter, labels, value in self._read():
            known = values.setdefault(meter, {})
            if labels not in known and len(known) >= MOST:
                labels = _without_names(meter, labels)
            known[labels] = known.get(labels, 0.0) + value
        for meter, known in values.items():
            kind = CounterMetricFamily if meter.kind == "counter" else GaugeMetricFamily
            family = kind(meter.name, meter.help, labels=meter.labels)
            for labels, value in known.items():
                family.add_metric(labels, value)
            yield family


def _without_names(meter: Meter, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(OTHER if name in OPEN else value for name, value in zip(meter.labels, labels, strict=True))
