import GEM
import Glibc
import Testing

@testable import SandboxHost

/// Jails of images that hold little, and of one that holds a whole Debian.
@Suite(.serialized) struct JailImageTests {
    /// The rocklet needs nothing of an image.
    @Test(.timeLimit(.minutes(1))) func startsOfAnImageThatHoldsNothing() async throws {
        try await withJails { bench in
            let jail = try await bench.start("empty:1")
            let missing = try await jail.answer("POST", "/execute", ["command": ["ls", "/"], "timeout": 5])
            #expect(missing.status == 511 && missing.text.contains("[Errno 2] No such file or directory: 'ls'"))
            let session = try await jail.answer("POST", "/create_session", ["session": "default"])
            #expect(session.status == 511 && session.text.contains("no bash"), "\(session)")

            let written = try await jail.agent.call(
                "PUT", "/files?path=/folder/file&mode=640", body: Array("bytes".utf8))
            #expect(written.status / 100 == 2, "\(String(decoding: written.body, as: UTF8.self))")
            let read = try await jail.answer("POST", "/read_file", ["path": "/folder/file"])
            #expect(read.status == 200 && read.text.contains("bytes"), "\(read)")
            let list = try await jail.agent.call("GET", "/files/list?path=/folder")
            #expect(String(decoding: list.body, as: UTF8.self).contains("file"))
            #expect(try await jail.agent.call("DELETE", "/files?path=/folder/file").status / 100 == 2)
            #expect(try await jail.answer("POST", "/read_file", ["path": "/folder/file"]).status == 511)
        }
    }

    @Test(.timeLimit(.minutes(1))) func saysThatAnImageHasNoBash() async throws {
        try await withJails { bench in
            let jail = try await bench.start("nobash:1")
            #expect(try await jail.shell("echo $((6 * 7))") == "42")
            let session = try await jail.answer("POST", "/create_session", ["session": "default"])
            #expect(session.status == 511 && session.text.contains("This image has no bash"), "\(session)")
        }
    }

    /// Root inside is root of everything inside, which is what package managers count on.
    @Test(.timeLimit(.minutes(2))) func installsPackages() async throws {
        try await withJails { bench in
            for image in ["python:3.11", "host"] {
                let jail = try await bench.start(image) { $0.limits.diskBytes = 512 << 20 }
                _ = try await jail.shell(
                    """
                    mkdir -p /tmp/p/DEBIAN /tmp/p/opt/greeting && cd /tmp && echo hello > p/opt/greeting/text
                    printf 'Package: greeting\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x\n' \
                        > p/DEBIAN/control
                    printf '#!/bin/sh\nuseradd --system greeter\nchown greeter /opt/greeting/text\n' > p/DEBIAN/postinst
                    chmod 755 p/DEBIAN/postinst
                    dpkg-deb --build p greeting.deb
                    """)
                let install = try await jail.execute(["apt-get", "install", "-y", "/tmp/greeting.deb"], timeout: 80)
                #expect(install.code == 0, "\(image): \(install)")
                let facts: [(script: String, output: String)] = [
                    ("dpkg-query -W -f '${Status}' greeting", "install ok installed"),
                    ("stat -c %U:%a /opt/greeting/text", "greeter:644"),
                    (
                        "su -s /bin/sh greeter -c 'id -un; echo more >> /opt/greeting/text'; tail -1 /opt/greeting/text",
                        "greeter\nmore"
                    ),
                    (
                        "apt-get remove -y greeting > /dev/null 2>&1; ls /opt/greeting/text 2>&1 | grep -c 'No such'",
                        "1"
                    ),
                ]
                for fact in facts {
                    let output = try await jail.shell(fact.script)
                    #expect(output == fact.output, "\(image): \(fact.script)")
                }
                try await bench.driver.remove(jail.id)
            }
        }
    }
}

extension TestJail {
    struct Answer {
        let status: Int
        let text: String
    }

    /// What the rocklet answers, whatever it is.
    func answer(_ method: String, _ path: String, _ body: JSON) async throws -> Answer {
        let reply = try await agent.call(method, path, body: body.serialized, timeout: .seconds(30))
        return Answer(status: reply.status, text: String(decoding: reply.body, as: UTF8.self))
    }
}
