"""A mail of 50 MB by SMTP until it is a ticket that the relay has acknowledged: how much memory grows at its peak.

The main process and the parse worker apart, beside a bare aiosmtpd that only stores the same mail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.benchmarks.load import send_all
from tests.benchmarks.mails import big_mail, samples
from tests.benchmarks.meter import MEBIBYTE, children, cpu_seconds, peak_mib, settle, start_peak
from tests.benchmarks.peers import bare_server, relayed_gateway
from tests.benchmarks.report import Number, number

SIZE_BYTES = 50_000_000
PATIENCE_SECONDS = 120.0


def measure(*, runs: int) -> Iterator[Number]:
    growth: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    for run in range(runs):
        _bare_run(growth, cpu, run)
        _gateway_run(growth, cpu, run)
    yield number("memory", "50 MB mail, main process", "MiB more", growth["main"], growth["bare"])
    yield number("memory", "50 MB mail, parse worker", "MiB more", growth["worker"])
    yield number("memory", "50 MB mail, CPU to ticket and answer", "ms a MiB", cpu["gateway"], cpu["bare"])


def _bare_run(growth: dict[str, list[float]], cpu: dict[str, list[float]], run: int) -> None:
    with bare_server() as server:
        send_all(list(samples(2, seed=77)), port=server.port, sessions=1)
        mail = big_mail(SIZE_BYTES, number=run)
        before, cpu_before = start_peak(server.pid), cpu_seconds(server.pid)
        send_all([mail], port=server.port, sessions=1)
        growth["bare"].append(peak_mib(server.pid) - before)
        cpu["bare"].append(1000 * (cpu_seconds(server.pid) - cpu_before) / (len(mail.content) / MEBIBYTE))


def _gateway_run(growth: dict[str, list[float]], cpu: dict[str, list[float]], run: int) -> None:
    with relayed_gateway() as (gateway, relay):
        small = [mail for mail in samples(5, seed=77) if mail.wants_acknowledgement]
        send_all(small, port=gateway.smtp_port, sessions=1)
        relay.wait_for_answers({mail.message_id for mail in small}, PATIENCE_SECONDS)
        settle(gateway.pid)
        mail = big_mail(SIZE_BYTES, number=run)
        workers = children(gateway.pid)
        before = {pid: start_peak(pid) for pid in (gateway.pid, *workers)}
        cpu_before = cpu_seconds(gateway.pid)
        send_all([mail], port=gateway.smtp_port, sessions=1)
        relay.wait_for_answers({mail.message_id}, PATIENCE_SECONDS)
        settle(gateway.pid)
        growth["main"].append(peak_mib(gateway.pid) - before[gateway.pid])
        growth["worker"].append(max(peak_mib(pid) - before[pid] for pid in workers))
        cpu["gateway"].append(1000 * (cpu_seconds(gateway.pid) - cpu_before) / (len(mail.content) / MEBIBYTE))
