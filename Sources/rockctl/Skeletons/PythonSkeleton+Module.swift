extension Skeleton {
    /// What speaks with the server for a program in Python: one file, nothing but the standard library.
    static let pythonModule = #"""
        """Serves environments to Rock: lines of JSON-RPC 2.0 on standard input and output. Needs only Python 3.9 or newer.

            from rock_environment import serve

            serve(make)

        where make(**kwargs) returns an object with reset(seed=…) and step(action). reset returns an observation, or
        (observation, info); step returns (observation, reward, terminated, truncated, info), as GEM and Gymnasium do. The
        object may also have:

            sample_action()     an action as text; else action_space.sample() or sample_random_action() is asked
            save() -> str       everything that decides how the episode goes on, as text
            restore(str)        goes on from there

        Observations become text: text stays what it is, everything else is shown by the function observation_text, and actions
        arrive as text and pass through action_value. Give serve() other functions where these do not fit.
        """

        import contextlib
        import json
        import math
        import os
        import sys
        import traceback


        class Refusal(Exception):
            """Says no to a call without breaking the episode off: its action, seed or argument cannot be used."""

            def __init__(self, message, code=-32008):
                super().__init__(message)
                self.code = code


        INVALID_ARGUMENT, INVALID_SEED, INVALID_ACTION, INVALID_STATE = -32002, -32007, -32008, -32015


        def observation_text(observation, environment):
            """What the agent reads: text as it is; else what render() draws if that is text; else str()."""
            if isinstance(observation, str):
                return observation
            if getattr(environment, "render_mode", None) == "ansi":
                drawn = environment.render()
                if isinstance(drawn, str):
                    return drawn
            return str(observation)


        def action_value(action, environment):
            """What step() gets: text as it is, or the number in it where the environment has a discrete action space."""
            space = getattr(environment, "action_space", None)
            count = getattr(space, "n", None)
            if count is None:
                return action
            start = int(getattr(space, "start", 0))
            try:
                number = int(action.strip())
            except ValueError:
                raise Refusal(f"The action must be a number from {start} to {start + int(count) - 1}.") from None
            if not start <= number < start + int(count):
                raise Refusal(f"The action must be a number from {start} to {start + int(count) - 1}, not {number}.")
            return number


        def plain(value, depth=8):
            """value as JSON can carry it: NumPy's numbers and arrays too; what is unknown is shown by str()."""
            if value is None or isinstance(value, (str, bool)):
                return value
            if isinstance(value, int):
                return int(value)
            if isinstance(value, float):
                return float(value) if math.isfinite(value) else str(value)
            if depth > 0:
                if isinstance(value, dict):
                    return {str(name): plain(item, depth - 1) for name, item in value.items()}
                if isinstance(value, (list, tuple, set)):
                    return [plain(item, depth - 1) for item in value]
                if hasattr(value, "tolist"):
                    return plain(value.tolist(), depth - 1)
            return str(value)


        class Program:
            """The environments of one sandbox, and what is asked of them."""

            def __init__(self, make, to_text, to_action):
                self.make, self.to_text, self.to_action = make, to_text, to_action
                self.environments = []

            def answer(self, request):
                method, params = request["method"], request.get("params") or {}
                if method == "make":
                    return self.make_all(params)
                if method not in ("reset", "step", "sample_action", "save", "restore"):
                    raise Refusal(f"There is no method {method}.", -32601)
                environment = self.environments[params.get("index", 0)]
                return getattr(self, method)(environment, params)

            def make_all(self, params):
                try:
                    for _ in range(params.get("num_envs", 1)):
                        self.environments.append(self.make(**params.get("kwargs", {})))
                except (TypeError, ValueError) as error:
                    raise Refusal(f"It cannot be made with these arguments: {error}", INVALID_ARGUMENT) from error
                return {}

            def reset(self, environment, params):
                # Without a seed the environment's own stream goes on.
                seed = params.get("seed")
                begun = environment.reset(seed=seed) if seed is not None else environment.reset()
                observation, info = begun if isinstance(begun, tuple) and len(begun) == 2 else (begun, {})
                return {"observation": self.to_text(observation, environment), "info": plain(info or {})}

            def step(self, environment, params):
                action = self.to_action(params["action"], environment)
                observation, reward, terminated, truncated, info = environment.step(action)
                return {
                    "observation": self.to_text(observation, environment),
                    "reward": float(reward),
                    "terminated": bool(terminated),
                    "truncated": bool(truncated),
                    "info": plain(info or {}),
                }

            def sample_action(self, environment, params):
                if hasattr(environment, "sample_action"):
                    action = environment.sample_action()
                elif hasattr(environment, "sample_random_action"):
                    action = environment.sample_random_action()
                elif hasattr(environment, "action_space"):
                    action = environment.action_space.sample()
                else:
                    raise Refusal("This environment draws no actions.", -32601)
                return {"action": str(action)}

            def save(self, environment, params):
                if not hasattr(environment, "save"):
                    raise Refusal("This environment cannot be saved.", -32601)
                return {"state": environment.save()}

            def restore(self, environment, params):
                if not hasattr(environment, "restore"):
                    raise Refusal("This environment cannot be restored.", -32601)
                try:
                    environment.restore(params["state"])
                except ValueError as error:
                    raise Refusal(f"The state cannot be read: {error}", INVALID_STATE) from error
                return {}


        def serve(make, observation_text=observation_text, action_value=action_value):
            """Answers until standard input ends. make(**kwargs) gives one environment."""
            requests = sys.stdin.buffer
            # Answers have this descriptor to themselves: whatever else is printed goes to the log.
            answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
            os.dup2(2, 1)
            program = Program(make, observation_text, action_value)
            with contextlib.redirect_stdout(sys.stderr):
                for line in requests:
                    request = json.loads(line)
                    answer = {"jsonrpc": "2.0", "id": request.get("id")}
                    try:
                        answer["result"] = program.answer(request)
                    except Refusal as refusal:
                        answer["error"] = {"code": refusal.code, "message": str(refusal)}
                    except Exception as error:  # the program goes on; the episode does not
                        traceback.print_exc()
                        answer["error"] = {"code": -32010, "message": f"{type(error).__name__}: {error}"}
                    answers.write(json.dumps(answer, allow_nan=False, separators=(",", ":")).encode() + b"\n")
                    answers.flush()
        """#
}
