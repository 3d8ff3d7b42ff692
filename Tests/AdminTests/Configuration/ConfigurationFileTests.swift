import ConfigurationFiles
import GEM
import SandboxHost
import Testing

@testable import Admin

@Suite struct ConfigurationFileTests {
    private func configuration(_ yaml: String) throws -> ServerConfiguration {
        var configuration = ServerConfiguration(dataDirectory: "/var/lib/rock")
        try configuration.apply(yaml: Array(yaml.utf8), name: "rock.yml")
        return configuration
    }

    @Test func takesOverWhatTheFileSetsAndKeepsTheRest() throws {
        let read = try configuration(
            """
            host: 0.0.0.0
            port: 9000
            allowed_origins: ["http://localhost:3000"]
            sandboxes:
              memory: 512m
              cpus: 0.5
              isolation: best-effort
              call_timeout_seconds: 2.5
            limits: { batch_count: 10 }
            """)
        #expect(read.host == "0.0.0.0" && read.port == 9000 && read.dataDirectory == "/var/lib/rock")
        #expect(read.allowedOrigins == ["http://localhost:3000"])
        #expect(read.sandboxes.memoryBytes == 512 << 20 && read.sandboxes.cpus == 0.5)
        #expect(read.sandboxes.isolation == .bestEffort && read.sandboxes.callTimeout == .milliseconds(2500))
        #expect(read.sandboxes.warmPool == 8 && read.limits.batchCount == 10)
    }

    @Test(
        arguments: [
            ("", nil),
            ("sandboxes:", nil),
            ("prot: 80", "rock.yml:1: the file has no key 'prot'. Did you mean \"port\"?"),
            ("host: x\nport: eighty", "rock.yml:2: 'port' must be a whole number from 0 to 65535."),
            ("port: 1\nport: 2", "rock.yml:2: the key 'port' stands here twice."),
            ("limits: 7", "rock.yml:1: limits must be a mapping of keys to values."),
            ("sandboxes:\n  memory: plenty", "rock.yml:2: 'memory' must be a size such as 256m, from 16m to 1t."),
            ("sandboxes:\n  isolation: none", "rock.yml:2: 'isolation' must be one of strict, best-effort."),
            ("allowed_origins: x", "rock.yml:1: 'allowed_origins' must be a list of texts."),
            ("- a", "rock.yml:1: the file must be a mapping of keys to values."),
            ("a: [", "rock.yml:2: did not find expected node content."),
        ] as [(String, String?)])
    func refusesWhatItDoesNotKnow(yaml: String, message: String?) {
        var thrown: Failure?
        do { _ = try configuration(yaml) } catch { thrown = error as? Failure }
        #expect(thrown?.message == message)
    }

    @Test func refusesAliasesThatGrowWithoutBound() {
        let levels = (1...9).map {
            "l\($0): &l\($0) [\(Array(repeating: "*l\($0 - 1)", count: 9).joined(separator: ","))]"
        }
        let yaml = "l0: &l0 [x]\n" + levels.joined(separator: "\n")
        #expect(throws: Failure.self) { try configuration(yaml) }
    }

    @Test(
        arguments: [
            ("8g", 8 << 30), ("256M", 256 << 20), ("1.5 kb", 1536), ("12", 12), ("2Ti", 2 << 40), ("", nil), ("g", nil),
            ("1e3", nil), ("-1m", nil), ("9999999t", nil), ("1x", nil),
        ] as [(String, Int?)])
    func readsSizesAsRockWritesThem(text: String, bytes: Int?) {
        #expect(ByteCount(text)?.rawValue == bytes)
    }
}
