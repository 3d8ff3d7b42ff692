extension Skeleton {
    /// A program in Python, and a test of it, both with the standard library alone.
    static func python(_ name: String) -> Skeleton {
        Skeleton(
            files: [
                ("environment.yml", manifest(name, command: "[python3, \(name).py]")),
                ("\(name).py", pythonProgram(typeName(name))),
                ("rock_environment.py", pythonModule),
                ("test_\(name).py", pythonTest(name, typeName(name))),
            ],
            next: [
                "cd \(name) && python3 -m unittest", "rockctl env register \(name)/environment.yml",
                "rockctl env check my:\(typeName(name))-v0 --url http://127.0.0.1:8080",
            ])
    }

    private static func pythonProgram(_ type: String) -> String {
        #"""
        """An environment: a corridor to walk through. Replace it by your own.

        Where there is one already, a line is enough:

            serve(lambda **kwargs: gem.make("game:Sokoban-v0-easy", **kwargs))
            serve(lambda **kwargs: gymnasium.make("FrozenLake-v1", render_mode="ansi", **kwargs))
        """

        import json
        import random
        import re

        from rock_environment import INVALID_ARGUMENT, Refusal, serve


        class \#(type):
            def __init__(self, length=8):
                if not 2 <= length <= 1000:
                    raise Refusal("length must be from 2 to 1000.", INVALID_ARGUMENT)
                self.length = length
                self.random = random.Random()
                self.place = 0

            def reset(self, seed=None):
                if seed is not None:
                    self.random.seed(seed)
                self.place = self.random.randrange(self.length - 1)
                return self.observation(), {}

            def step(self, action):
                boxes = re.findall(r"\\boxed\{(left|right)\}", action)
                if boxes:
                    self.place = max(0, self.place + (1 if boxes[-1] == "right" else -1))
                is_over = self.place == self.length - 1
                return self.observation(), 1.0 if is_over else 0.0, is_over, False, {}

            def observation(self):
                cells = ["."] * (self.length - 1) + ["G"]
                cells[self.place] = "A"
                return "".join(cells) + "\nWrite \\boxed{left} or \\boxed{right}."

            # What follows may be left out; then the environment draws no actions, and cannot be saved and forked.

            def sample_action(self):
                return self.random.choice(["\\boxed{left}", "\\boxed{right}"])

            def save(self):
                return json.dumps([self.place, self.random.getstate()])

            def restore(self, text):
                place, (version, state, gauss) = json.loads(text)
                self.random.setstate((version, tuple(state), gauss))
                self.place = place


        if __name__ == "__main__":
            serve(\#(type))

        """#
    }

    private static func pythonTest(_ name: String, _ type: String) -> String {
        #"""
        """Plays the environment as a server does: through its standard input and output."""

        import json
        import pathlib
        import subprocess
        import sys
        import unittest

        PROGRAM = pathlib.Path(__file__).parent / "\#(name).py"


        class \#(type)Test(unittest.TestCase):
            def setUp(self):
                self.program = subprocess.Popen(
                    [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROGRAM.parent)
                self.number = 0

            def tearDown(self):
                self.program.stdin.close()
                self.assertEqual(self.program.wait(10), 0)
                self.program.stdout.close()

            def call(self, method, **params):
                self.number += 1
                request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
                self.program.stdin.write(json.dumps(request).encode() + b"\n")
                self.program.stdin.flush()
                answer = json.loads(self.program.stdout.readline())
                self.assertEqual(answer["id"], self.number)
                return answer.get("result") or answer.get("error") or {}

            def test_an_episode(self):
                self.call("make", env_id="my:\#(type)-v0", kwargs={"length": 4}, num_envs=1)
                first = self.call("reset", index=0, seed=1)
                self.assertEqual(first, self.call("reset", index=0, seed=1))
                for _ in range(4):
                    turn = self.call("step", index=0, action="\\boxed{right}")
                    if turn["terminated"]:
                        break
                self.assertEqual((turn["reward"], turn["terminated"]), (1.0, True))

            def test_a_saved_episode_goes_on(self):
                self.call("make", env_id="my:\#(type)-v0", kwargs={}, num_envs=1)
                self.call("reset", index=0, seed=2)
                state = self.call("save", index=0)["state"]
                turn = self.call("step", index=0, action="\\boxed{left}")
                self.call("restore", index=0, state=state)
                self.assertEqual(turn, self.call("step", index=0, action="\\boxed{left}"))

            def test_arguments_are_checked(self):
                refusal = self.call("make", env_id="my:\#(type)-v0", kwargs={"length": 1}, num_envs=1)
                self.assertEqual(refusal["code"], -32002)


        if __name__ == "__main__":
            unittest.main()

        """#
    }
}
