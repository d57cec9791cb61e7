"""Every shipped mapping on a sample in the form that its source publishes: rows in, rows out."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phantom_core.core.settings import Settings
from phantom_core.events.mapping import load_mapping
from tests.use_cases.test_file_identity import counts
from tests.use_cases.test_ingest import query

COMBINED = (
    '192.0.2.7 - - [25/Oct/2020:02:30:00 +0200] "GET /product/33954?x=1 HTTP/1.1" 200 30577 '
    '"-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 \\"odd\\""\n'
    '192.0.2.7 - - [25/Oct/2020:02:30:00 +0100] "POST /cart HTTP/1.1" 200 3 '
    '"https://shop.example/" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 \\"odd\\""\n'
)
TRACK = {
    "type": "track",
    "event": "Product Viewed",
    "anonymousId": "a1",
    "messageId": "ajs-1",
    "timestamp": "2024-11-15T12:00:00Z",
    "properties": {"product_id": "p1", "price": 18.99, "currency": "USD"},
    "context": {"userAgent": "Mozilla/5.0", "page": {"url": "https://shop.example/p1"}},
}
PAGE = {key: value for key, value in TRACK.items() if key != "event"} | {
    "type": "page",
    "messageId": "ajs-2",
    "timestamp": "2024-11-15T13:00:00Z",
}
POSTHOG = json.dumps({"$session_id": "x", "product_id": "p1", "price": 3}).replace('"', '""')
# Mapping → name of a file, its content, the events: session, milliseconds, name, product.
SAMPLES: dict[str, tuple[str, str, list[tuple[str, int, str, str | None]]]] = {
    "retailrocket": (
        "events.csv",
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n1433221400000,257597,addtocart,355908,\n"
        "1433224214164,257597,transaction,355908,4000\n",
        [
            ("257597@1433221332117", 1433221332117, "view_item_page", "355908"),
            ("257597@1433221332117", 1433221400000, "add_item_to_cart", "355908"),
            ("257597@1433224214164", 1433224214164, "purchase_complete", "355908"),
        ],
    ),
    "otto": (
        "train.jsonl",
        '{"session":0,"events":[{"aid":1517085,"ts":1659304800025,"type":"clicks"},'
        '{"aid":1563459,"ts":1659304904511,"type":"orders"}]}\n',
        [
            ("0", 1659304800025, "view_item_page", "1517085"),
            ("0", 1659304904511, "purchase_complete", "1563459"),
        ],
    ),
    "yoochoose_clicks": (
        "yoochoose-clicks.dat",
        "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n",
        [
            ("1", 1396867869277, "view_item_page", "214536502"),
            ("1", 1396868049868, "view_item_page", "214536500"),
        ],
    ),
    "yoochoose_buys": (
        "yoochoose-buys.dat",
        "420374,2014-04-06T18:44:58.314Z,214537888,12462,1\n",
        [("420374", 1396809898314, "purchase_complete", "214537888")],
    ),
    "diginetica_views": (
        "train-item-views.csv",
        "sessionId;userId;itemId;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n",
        [("1", 1462752000000, "view_item_page", "81766")],
    ),
    "trivago": (
        "train.csv",
        "user_id,session_id,timestamp,step,action_type,reference,platform,city,device,"
        "current_filters,impressions,prices\n"
        "00RL8Z82B2Z1,aff3928535f48,1541037460,1,search for poi,Newtown,AU,Sydney,mobile,,,\n"
        "00RL8Z82B2Z1,aff3928535f48,1541037460,2,interaction item image,666856,AU,Sydney,mobile,"
        ",,\n",
        [
            ("aff3928535f48", 1541037460000, "search", None),
            ("aff3928535f48", 1541037460000, "view_item_page", "666856"),
        ],
    ),
    "posthog": (
        "events.csv",
        f'uuid,event,properties,timestamp\nu1,Product Viewed,"{POSTHOG}",2024-11-15 12:00:00\n',
        [("x", 1731672000000, "view_item_page", "p1")],
    ),
    "segment": (
        "calls.jsonl",
        json.dumps(TRACK) + "\n" + json.dumps(PAGE) + "\n",
        [
            ("a1@1731672000000", 1731672000000, "view_item_page", "p1"),
            ("a1@1731675600000", 1731675600000, "page_view", "p1"),
        ],
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_the_source_loads_whole(name: str, settings: Settings, tmp_path: Path) -> None:
    file, content, events = SAMPLES[name]
    (tmp_path / file).write_text(content)
    mapping = load_mapping(name)
    assert counts(settings, tmp_path / file, mapping=mapping) == (len(events), 0, 0)
    columns = "session_id, event_ms, event_name, product_id"
    found = query(settings, f"SELECT {columns} FROM events ORDER BY event_ms, event_seq")
    assert found == events
    assert counts(settings, tmp_path / file, mapping=mapping) == (0, len(events), 0)


def test_an_access_log_in_the_combined_form_loads_whole(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "access.log.txt").write_text(COMBINED)
    mapping = load_mapping("nginx_combined")
    assert counts(settings, tmp_path / "access.log.txt", mapping=mapping) == (2, 0, 0)
    columns = "event_ms, event_name, product_id, page, user_agent"
    agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 "odd"'
    assert query(settings, f"SELECT {columns} FROM events ORDER BY event_ms") == [
        (1603585800000, "view_item_page", "33954", "/product/33954", agent),
        (1603589400000, "add_item_to_cart", None, "/cart", agent),
    ]
    assert query(settings, "SELECT COUNT(DISTINCT session_id) FROM events") == [(2,)]


def test_ga4_loads_from_bigquerys_parquet(settings: Settings, tmp_path: Path) -> None:
    row = {
        "event_timestamp": 1700000100123456,
        "event_name": "view_item",
        "user_pseudo_id": "u1",
        "event_params": [
            {"key": "ga_session_id", "value": {"int_value": 7, "string_value": None}},
            {"key": "page_location", "value": {"int_value": None, "string_value": "https://s/"}},
        ],
        "items": [{"item_id": "SKU1", "price": 19.9, "quantity": 1}],
        "device": {"web_info": {"browser": "Chrome"}},
        "ecommerce": {"purchase_revenue": None},
    }
    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "ga4.parquet")
    assert counts(settings, tmp_path / "ga4.parquet", mapping=load_mapping("ga4")) == (2, 0, 0)
    columns = "session_id, event_name, product_id, price_seen, page, user_agent"
    assert query(settings, f"SELECT DISTINCT {columns} FROM events") == [
        ("u1.7", "view_item_page", "SKU1", 19.9, "https://s/", "Chrome")
    ]
