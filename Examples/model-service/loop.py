"""A training loop answers the model calls of an agent in a sandbox."""

import threading

from rock import arguments, call, run_agent, start


def policy(request):
    """The model that is trained: here, one that counts what it was told."""
    said = request["messages"][-1]["content"]
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"{len(said)} characters"}}]}


options = arguments().parse_args()
sandbox = start(options.image)
try:
    call("sandbox.model_service.start", sandbox_id=sandbox, type="local")
    output = []
    agent = threading.Thread(target=lambda: output.append(run_agent(sandbox, "hello", "how are you?")))
    agent.start()
    index, response = 0, None
    for _ in range(2):
        step = call("anti_call_llm", sandbox_id=sandbox, index=index, **({"response": response} if response else {}))
        index, response = step["index"], policy(step["request"])
    # The last answer; no request follows it, so nobody waits for one.
    try:
        call("anti_call_llm", sandbox_id=sandbox, index=index, response=response, timeout=0)
    except SystemExit:
        pass
    agent.join()
    print(output[0], end="")
finally:
    call("sandbox.stop", sandbox_id=sandbox)
