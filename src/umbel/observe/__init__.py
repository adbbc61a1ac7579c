"""What a running Umbel tells of itself: metrics, traces, log lines.

Owns: the names, labels and meanings of all metrics; the shape of spans and who gets them; the format of log lines and
the ids in them.
May import: errors, settings (and prometheus-client; OpenTelemetry, if it is installed and wanted).
Promises: never raises into the work that it watches; the number of series is bounded, whatever names there are; what is
off costs nothing.
"""
