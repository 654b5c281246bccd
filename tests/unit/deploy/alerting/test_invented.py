"""The rules that ship on the invented market: what is planted is noticed, and nothing else is."""

from deploy.alerting.invented import DEMO_START_MS, run_invented
from deploy.alerting.reading import rules_in_force
from deploy.alerting.table import alerts_told, lines_of, noticed
from streams.alerts.settings import AlertsSettings


def test_the_first_set_is_noticed_and_nothing_else() -> None:
    """The demo's seed, to where the price has come back."""
    run = run_invented(2, 0.6, DEMO_START_MS, rules_in_force(AlertsSettings()))
    found, strays = noticed(run)
    assert strays == []
    fired = {one.incident.kind: {told.fired.rule for told in one.told} for one in found}
    assert fired == {
        "developer_exodus": {"developer_exodus"},
        "flash_crash": {"flash_crash", "price_surge", "volume_surge"},
        "social_pump": {"social_pump"},
        "volume_spike": {"volume_surge"},
        "wash_trading": {"volume_surge", "wash_trading"},
    }
    standing = {one.fired.rule for one in alerts_told(run.alerts) if one.ended is None}
    assert standing == {"developer_exodus"}
    *lines, last = lines_of([run])
    assert last.startswith("5 of 5 incidents noticed; 0 alerts without one; ")
    assert "  +12 min flash_crash SOL: flash_crash SOL/USDT +13 min to +18 min" in "\n".join(lines)
