"""Batches and lists, by plain HTTP."""

from scenario import IMAGE, get, post, running, scenario


@scenario
async def many_are_asked_for_at_once():
    async with running(user_id="batch") as one, running(user_id="batch") as other:
        answer = await post("sandboxes/batch", {"sandbox_ids": [one.sandbox_id, "nobody", other.sandbox_id]})
        assert answer["status"] == "Success", answer
        told = {item["sandbox_id"]: item for item in answer["result"]["statuses"]}
        assert set(told) == {one.sandbox_id, other.sandbox_id}
        assert all(item["state"] == "running" and item["is_alive"] for item in told.values()), told
        many = await post("sandboxes/batch", {"sandbox_ids": [str(i) for i in range(2001)]})
        assert many["result"]["code"] == 4000, many
        assert "sandbox_ids count too large, max count is 2000" in many["result"]["failure_reason"], many


@scenario
async def lists_are_filtered_and_paged():
    async with running(experiment_id="listed", user_id="a") as one, running(experiment_id="listed", user_id="b") as other:
        async def ids(**query):
            answer = await get("sandboxes", **query)
            assert answer["status"] == "Success", answer
            return [item["sandbox_id"] for item in answer["result"]["items"]], answer["result"]

        both, told = await ids(experiment_id="listed")
        assert set(both) == {one.sandbox_id, other.sandbox_id} and told["total"] == 2 and not told["has_more"], told
        for query, wanted in [
            ({"user_id": "a"}, [one.sandbox_id]), ({"sandbox_id": other.sandbox_id}, [other.sandbox_id]),
            ({"experiment_id": "listed", "image": IMAGE, "state": "running", "user_id": "b"}, [other.sandbox_id]),
            ({"experiment_id": "listed", "state": "pending"}, []), ({"no_such_key": "x"}, []),
        ]:
            assert (await ids(**query))[0] == wanted, query
        first, told = await ids(experiment_id="listed", page=1, page_size=1)
        assert told["total"] == 2 and told["has_more"] and len(first) == 1, told
        second, told = await ids(experiment_id="listed", page=2, page_size=1)
        assert not told["has_more"] and set(first + second) == set(both), told
        for query in [{"page": 0}, {"page_size": 0}, {"page_size": 2001}]:
            answer = await get("sandboxes", **query)
            assert answer["status"] == "Failed" and answer["result"]["code"] == 4000, answer
