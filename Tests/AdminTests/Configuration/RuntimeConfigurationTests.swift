import GEM
import Registry
import SandboxHost
import Testing

@testable import Admin

@Suite struct RuntimeConfigurationTests {
    private func runtime(_ yaml: String) throws -> ServerConfiguration.Runtime {
        var configuration = ServerConfiguration(dataDirectory: "/var/lib/rock")
        try configuration.apply(yaml: Array("runtime: {\(yaml)}".utf8), name: "rock.yml")
        return configuration.runtime
    }

    @Test func takesOverWhatTheFileSets() throws {
        let read = try runtime(
            """
            drivers: [docker], standard_spec: {memory: 1g, disk: 0}, max_allowed_spec: {cpus: 4}, auto_clear_minutes: 1.5,
            network_allow: [pypi.org], mounts: ["/a:/b", "/c:/d:rw"], time_zone: UTC, get_status: legacy, total_cpus: 8
            """)
        #expect(read.drivers == ["docker"] && read.defaultDriver == "docker")
        #expect(read.memoryBytes == 1 << 30 && read.diskBytes == nil && read.maximumCPUs == 4 && read.cpus == 2)
        #expect(read.autoClearSeconds == 90 && read.network == .allow(["pypi.org"]) && read.totalCPUs == 8)
        #expect(read.mounts.map(\.isReadOnly) == [true, false])
        #expect(read.timeZone.name == "UTC" && read.statusSource == .legacy)
    }

    /// Nothing can be mounted unless the configuration says so, and nothing written to unless it says that, too.
    @Test(arguments: [
        ("", "/data:/x", false), ("allowed_mounts: [/data]", "/data/set:/x", true),
        ("allowed_mounts: [/data/]", "/data:/x:ro", true), ("allowed_mounts: [/data]", "/data:/x:rw", false),
        ("allowed_mounts: [\"/data:rw\"]", "/data/y:/x:rw", true), ("allowed_mounts: [/data]", "/database:/x", false),
        ("mounts: [\"/a:/b\"]", "/a:/c", false), ("allowed_mounts: [/]", "/etc:/x", true),
        ("allowed_mounts: [/data]", "/data", false), ("allowed_mounts: [/data]", "data:/x", false),
    ])
    func mountsWhatIsAllowed(_ yaml: String, _ mount: String, _ isAllowed: Bool) throws {
        let runtime = try runtime(yaml)
        #expect(((try? runtime.mounts([mount])) != nil) == isAllowed)
    }

    /// Settings that are refused, and the word that the refusal must hold.
    @Test(
        arguments: [
            ("drivers: [jial]", "jail"), ("default: podman", "podman"), ("network: all", "none, outbound"),
            ("mounts: [relative]", "relative"), ("mounts: [\"/a:/b:rx\"]", "/a:/b:rx"),
            ("allowed_mounts: [\"/a/../b\"]", "/a/../b"), ("allowed_mounts: [data]", "absolute paths"),
            ("time_zone: Mars/Base", "Mars"),
            ("aes_encrypt_key: c2hvcnQ=", "32 bytes"), ("maximum: 0", "maximum"), ("get_status: often", "legacy"),
            ("concurrent_start: 3", "concurrent_starts"), ("standard_spec: {cpu: 1}", "cpus"),
        ])
    func refuses(_ yaml: String, because word: String) throws {
        let failure = #expect(throws: Failure.self) { try runtime(yaml) }
        #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")")
    }

    @Test(arguments: [("5", 300 as Int32?), ("0.01", 1), ("", 21_600), ("soon", nil), ("-1", nil)])
    func readsTheVariableOfAutoClear(_ text: String, _ seconds: Int32?) throws {
        var runtime = ServerConfiguration.Runtime()
        let variables = ["ROCK_DEFAULT_AUTO_CLEAR_TIME_MINUTES": text, "ROCK_TIME_ZONE": "Europe/Berlin"]
        if let seconds {
            try runtime.apply(variables: { variables[$0] })
            #expect(runtime.autoClearSeconds == seconds && runtime.timeZone.name == "Europe/Berlin")
        } else {
            #expect(throws: Failure.self) { try runtime.apply(variables: { variables[$0] }) }
        }
    }
}
