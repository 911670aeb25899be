"""Two people talk: receipts, one order, history, catching up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.conftest import MakePerson, Person, Server, StartServer


def test_a_message_is_heard_by_everyone_and_acknowledged_to_its_author(
    alice: Person, bob: Person
) -> None:
    bob.hears("session:ready")
    ack = alice.says("hi", client_id="first")
    heard = bob.hears("message:posted", author=alice.name)
    assert ack == {"ok": True, "id": heard["id"], "at": heard["at"]}
    assert heard == {
        "room": "lobby",
        "id": heard["seq"],
        "seq": heard["seq"],
        "author": alice.name,
        "text": "hi",
        "at": heard["at"],
        "client_id": "first",
    }
    assert alice.hears("message:posted", client_id="first") == heard


def test_the_author_hears_the_message_before_the_ack(alice: Person) -> None:
    ack = alice.says("order")
    assert ack["id"] in [m["id"] for m in alice.tab.heard_since("message:posted")]


def test_what_one_person_sends_is_handled_in_the_order_sent(alice: Person, bob: Person) -> None:
    bob.hears("session:ready")
    for number in range(200):
        payload = {"room": "lobby", "text": str(number), "client_id": f"o{number}"}
        alice.tab.client.emit("message:post", payload)
    heard = [bob.hears("message:posted", author=alice.name)["text"] for _ in range(200)]
    assert heard == [str(number) for number in range(200)]


def test_everyone_hears_one_order_without_gaps(person: MakePerson) -> None:
    people = [person(f"p{n}") for n in range(4)]
    for someone in people:
        someone.hears("session:ready")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda p: [p.says(f"{p.name} {n}") for n in range(25)], people))
    names = {p.name for p in people}
    orders = []
    for someone in people:
        # An ack tells its author alone; the others' last messages may still be on their way.
        messages = [someone.hears("message:posted") for _ in range(100)]
        assert {m["author"] for m in messages} == names
        orders.append([m["seq"] for m in messages])
    assert len(orders[0]) == 100
    assert all(order == orders[0] for order in orders)
    assert orders[0] == list(range(orders[0][0], orders[0][0] + 100))


def test_a_resend_gets_the_first_receipt_and_posts_nothing(alice: Person, bob: Person) -> None:
    bob.hears("session:ready")
    first = alice.says("once", client_id="same")
    assert alice.says("changed", client_id="same") == first
    assert bob.says("mine", client_id="same")["id"] != first["id"], "ids are the sender's own"
    posted = [m for e, m in bob.tab.heard if e == "message:posted" and m["client_id"] == "same"]
    assert [m["author"] for m in posted] == [alice.name, bob.name]


def test_a_resend_is_known_after_a_restart_however_old(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off", SOYUZ_RECENT_MESSAGES="100")
    ann = person("ann", at=server)
    seen = ann.hears("session:ready")["rooms"][0]["last_seq"]
    first = ann.says("precious", client_id="old")
    for number in range(150):
        ann.tab.client.emit(
            "message:post", {"room": "lobby", "text": f"{number}", "client_id": f"c{number}"}
        )
    ann.hears("message:posted", text="149", timeout=20)
    ann.leaves()
    server.stop()
    server.start()
    ann.browser.url = server.url
    assert ann.says("precious", client_id="old", seen=seen) == first
    assert ann.says("149", client_id="c149")["id"] == first["id"] + 150


def test_history_comes_in_pages_oldest_first(alice: Person) -> None:
    ids = [alice.says(f"page {n}")["id"] for n in range(12)]
    newest = alice.asks("history:page", {"room": "lobby", "limit": 5})
    assert [m["id"] for m in newest["messages"]] == ids[-5:]
    assert (newest["has_more"], newest["has_newer"]) == (True, False)
    assert newest["users"][alice.name]["display_name"] == alice.name
    older = alice.asks("history:page", {"room": "lobby", "before": ids[7], "limit": 3})
    assert [m["id"] for m in older["messages"]] == ids[4:7]
    assert older["has_newer"]
    newer = alice.asks("history:page", {"room": "lobby", "after": ids[3], "limit": 3})
    assert [m["id"] for m in newer["messages"]] == ids[4:7]
    around = alice.asks("history:page", {"room": "lobby", "around": ids[6], "limit": 4})
    assert ids[6] in [m["id"] for m in around["messages"]]
    assert len(around["messages"]) == 4
    first = alice.asks("history:page", {"room": "lobby", "before": 2})
    assert [m["id"] for m in first["messages"]] == [1]
    assert not first["has_more"]


def test_an_empty_page_still_says_what_lies_around_it(alice: Person) -> None:
    last = alice.says("the last")["id"]
    for bound, around in (({"before": 1}, (False, True)), ({"after": last}, (True, False))):
        page = alice.asks("history:page", {"room": "lobby", **bound})
        assert page["messages"] == []
        assert (page["has_more"], page["has_newer"]) == around, bound


def test_missed_events_are_caught_up_in_order(alice: Person, bob: Person) -> None:
    start = alice.says("before")["id"]
    bob.leaves()
    ids = [alice.says(f"missed {n}")["id"] for n in range(3)]
    answer = bob.asks("history:since", {"room": "lobby", "seq": start})
    assert [e["event"] for e in answer["events"]] == ["message:posted"] * 3
    assert [e["data"]["id"] for e in answer["events"]] == ids
    assert alice.name in answer["users"]
    assert "reset" not in answer
    assert bob.asks("history:since", {"room": "lobby", "seq": ids[-1]})["events"] == []


def test_too_much_to_catch_up_is_a_reset(start_server: StartServer, person: MakePerson) -> None:
    server = start_server(SOYUZ_SPAM_LIMIT="off")
    ann = person("ann", at=server)
    for number in range(510):
        ann.tab.client.emit(
            "message:post", {"room": "lobby", "text": f"{number}", "client_id": f"c{number}"}
        )
    ann.hears("message:posted", text="509", timeout=30)
    answer = ann.asks("history:since", {"room": "lobby", "seq": 0})
    assert answer["reset"] is True
    assert len(ann.asks("history:since", {"room": "lobby", "seq": 10})["events"]) == 500


def test_who_has_seen_more_than_there_is_starts_afresh(alice: Person) -> None:
    last = alice.says("the last")["id"]
    for seq, answer in (
        (last, {"ok": True, "events": [], "users": {}}),
        (last + 1_000, {"ok": True, "events": [], "users": {}, "reset": True}),
    ):
        assert alice.asks("history:since", {"room": "lobby", "seq": seq}) == answer


def test_users_can_be_looked_up(alice: Person, bob: Person) -> None:
    answer = alice.asks("user:get", {"usernames": [bob.name, "nobody.at.all"]})
    assert list(answer["users"]) == [bob.name]


def test_typing_is_told_and_forgotten(alice: Person, bob: Person) -> None:
    bob.hears("session:ready")
    assert alice.asks("typing:set", {"room": "lobby", "on": True}) == {"ok": True}
    assert alice.name in bob.hears("typing:changed")["users"]
    alice.asks("typing:set", {"room": "lobby", "on": False})
    assert alice.name not in bob.hears("typing:changed")["users"]
    alice.asks("typing:set", {"room": "lobby", "on": True})
    assert alice.name in bob.hears("typing:changed")["users"]
    assert alice.name not in bob.hears("typing:changed")["users"], "6 s later"


def test_polling_clients_are_members_like_all_others(alice: Person, bob: Person) -> None:
    tab = bob.opens_tab("polling")
    tab.hears("session:ready")
    receipt = alice.says("over polling too")
    assert tab.hears("message:posted", id=receipt["id"])
    assert tab.says("and back")["ok"]


def test_text_arrives_exactly_as_typed(alice: Person, bob: Person) -> None:
    bob.hears("session:ready")
    for text in ("<b>&amp;</b>", "می\u200cخواهم", "👩\u200d🚀", " two\nlines ", "\u202eabc", '"\\'):
        receipt = alice.says(text)
        assert bob.hears("message:posted", id=receipt["id"])["text"] == text


def test_the_history_on_disk_is_what_was_heard(server: Server, alice: Person) -> None:
    receipt = alice.says("to the disk")
    folder = server.file("history/lobby")
    lines = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.jsonl")))
    assert f'"id":{receipt["id"]},' in lines
