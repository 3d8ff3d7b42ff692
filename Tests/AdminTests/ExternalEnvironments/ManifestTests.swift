import GEM
import SandboxHost
import Testing

@testable import Admin

@Suite struct ManifestTests {
    private func manifest(_ yaml: String, folder: String? = "/home/me/env") throws(Failure) -> EnvironmentManifest {
        try EnvironmentManifest(yaml: Array(yaml.utf8), name: "environment.yml", folder: folder)
    }

    @Test func saysEverythingOrWhatHoldsWithout() throws {
        let least = try manifest("env_id: my:Corridor-v0\ncommand: [python3, corridor.py]")
        #expect(least.image == "host" && least.network == .none && least.directory == nil && least.maxTurns == nil)
        #expect(least.order.directory == "/tmp" && least.order.user == "65534:65534")
        let all = try manifest(
            #"""
            env_id: my:Corridor-v2-long
            summary: Walk.
            action: \boxed{left|right}
            observation: A corridor.
            reward_range: [-1, 0.5]
            max_turns: 7
            uses_seed: false
            command: [python3, corridor.py]
            env: {LEVEL: "2", HOME: /root}
            image: python:3.11
            runtime: docker
            directory: ../code/./v2
            mounts: [/opt/venv:/venv, "data:/data", /usr/share/dict]
            network: [pypi.org, "10.0.0.0/8:443"]
            kwargs: {length: 8, slip: 0.5, easy: true, name: x, map: null, sizes: [1, 2], "quoted": "1"}
            limits: {memory: 1g, cpus: 0.5, processes: 9, disk: 2g, line: 1m, num_envs: 3}
            timeouts: {make: 1, reset: 2.5, step: 0.1}
            """#)
        #expect(all.id.description == "my:Corridor-v2-long" && all.rewardRange == -1...0.5 && all.maxTurns == 7)
        #expect(!all.spec.usesSeed && all.driver == "docker" && all.directory == "/home/me/code/v2")
        let specification = all.specification(of: .random())
        #expect(
            specification.mounts.map(\.source) == [
                "/opt/venv", "/home/me/env/data", "/usr/share/dict", "/home/me/code/v2",
            ])
        #expect(specification.mounts.map(\.target) == ["/venv", "/data", "/usr/share/dict", "/environment"])
        #expect(
            specification.mounts.allSatisfy { $0.isReadOnly && $0.isGranted } && specification.publishedPorts.isEmpty)
        #expect(specification.network == .allow(["pypi.org", "10.0.0.0/8:443"]))
        #expect(specification.limits.memoryBytes == 1 << 30 && specification.limits.diskBytes == 2 << 30)
        #expect(specification.limits.cpus == 0.5 && specification.limits.processes == 9)
        #expect(all.limits.lineBytes == 1 << 20 && all.limits.environments == 3)
        #expect(all.timeouts == .init(make: .seconds(1), reset: .milliseconds(2500), step: .milliseconds(100)))
        #expect(all.order.variables["HOME"] == "/root" && all.order.variables["LEVEL"] == "2")
        let kinds = all.parameters.map { "\($0.name): \($0.type)" }
        #expect(
            kinds == [
                "length: an integer from -9007199254740992 to 9007199254740992", "slip: a number",
                "easy: true or false",
                "name: a text", "map: a value", "sizes: a value", "quoted: a text",
            ])
        let arguments = try all.spec.arguments(from: ["slip": 1, "map": ["a": 1], "length": 3])
        #expect(
            String(decoding: arguments.json.serialized, as: UTF8.self)
                == #"{"easy":true,"length":3,"map":{"a":1},"name":"x","quoted":"1","sizes":[1,2],"slip":1}"#)
    }

    @Test(
        arguments: [
            ("command: [x]", "environment.yml: env_id is missing, such as env_id: my:Corridor-v0."),
            ("env_id: my:X-v0", "environment.yml: command is missing, a list such as [python3, corridor.py]."),
            (
                "command: [x]\nenv_id: corridor",
                "environment.yml:2: 'env_id' must be namespace:Name-vN, perhaps with -variant behind, such as my:Corridor-v0."
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\n\ndirectroy: .",
                "environment.yml:4: a manifest has no key 'directroy'. Did you mean \"directory\"?"
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\nlimits:\n  memry: 1g",
                "environment.yml:4: limits has no key 'memry'. Did you mean \"memory\"?"
            ),
            ("env_id: my:X-v0\ncommand: python3 x.py", "environment.yml:2: 'command' must be a list of texts."),
            (
                "env_id: my:X-v0\ncommand: [x]\nreward_range: [1, 0]",
                "environment.yml:3: 'reward_range' must be two numbers, the smaller first."
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\nnetwork: wide",
                "environment.yml:3: 'network' must be none, outbound, or a list of host names and addresses."
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\nenv: {A: 1}",
                "environment.yml:3: 'env' must be a mapping of names to texts; quote what looks like a number."
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\ntimeouts: {step: 0}",
                "environment.yml:3: 'step' must be a number from 0.001 to 86400.0."
            ),
            (
                "env_id: my:X-v0\ncommand: [x]\nmounts: [\"/a:/b:rw\"]",
                "environment.yml:3: 'mounts' must be at most 16 of /path/outside:/path/inside, each read-only inside."
            ),
        ])
    func namesFileLineAndKey(yaml: String, message: String) {
        #expect(throws: Failure(.invalidArgument, message)) { try manifest(yaml) }
    }

    @Test func takesNoPathThatNothingIsBelow() {
        let yaml = "env_id: my:X-v0\ncommand: [x]\ndirectory: here"
        #expect(throws: Failure.self) { try manifest(yaml, folder: nil) }
        #expect(throws: Failure.self) {
            try manifest("env_id: my:X-v0\ncommand: [x, \(String(repeating: "y", count: 40_000))]")
        }
    }
}
