import Admin
import CLinux
import GEM
import Glibc
import Images
import SandboxHost
import Transport

/// What `rockctl doctor` finds out about sandboxes with a root filesystem.
struct MachineExamination: Sendable {
    private let drivers: [DriverReport]
    private let place: [DriverReport.Finding]

    /// Whether any driver can start sandboxes.
    var isUsable: Bool { drivers.contains { $0.isUsable } }

    static func run(_ settings: ServerConfiguration) async throws -> Self {
        let holder = try PidFile.holder(in: settings.dataDirectory)
        let drivers: [DriverReport]
        if let url = holder?.url, let asked = try? await ask(url) {
            drivers = asked
        } else {
            // One that does not answer, or wants a key: what this process can find out is next best.
            drivers = try await DriverExamination.run(settings)
        }
        return Self(drivers: drivers, place: try await look(settings, holder))
    }

    /// What the server at `url` says of its drivers.
    private static func ask(_ url: String) async throws -> [DriverReport] {
        let settings = try ClientSettings.read()
        let key = Console.variable("ROCK_API_KEY") ?? settings.key
        let carrier = try await HTTPCarrier(
            url: url, connections: 1, headers: key.map { [.init("X-API-Key", $0)] } ?? [], patience: .seconds(60))
        let answer = try await ServerClient(carrier: carrier).call("admin.drivers")
        return (answer["drivers"]?.array ?? []).map { driver in
            DriverReport(
                driver: driver["driver"]?.string ?? "?", isUsable: driver["is_usable"]?.bool ?? false,
                findings: (driver["findings"]?.array ?? []).map { finding in
                    DriverReport.Finding(
                        finding["name"]?.string ?? "?", works: finding["works"]?.bool ?? false,
                        detail: finding["detail"]?.string ?? "", remedy: finding["remedy"]?.string ?? "")
                })
        }
    }

    // MARK: The data directory

    private static func look(
        _ settings: ServerConfiguration, _ holder: PidFile.Holder?
    ) async throws -> [DriverReport.Finding] {
        let directory = settings.dataDirectory
        var findings = [
            DriverReport.Finding(
                "server", works: true,
                detail: holder.map { "process \($0.process)\($0.url.map { " at \($0)" } ?? "")" }
                    ?? "none runs in \(directory); 'rockctl admin start' starts one")
        ]
        findings.append(space(directory))
        findings.append(registry(settings.registryPath))
        findings.append(await images(settings))
        if holder == nil { findings.append(port(settings)) }
        return findings + SystemProgram.all.map(program)
    }

    private static func program(_ program: SystemProgram) -> DriverReport.Finding {
        let path = program.path
        return .init(
            program.name, works: path != nil,
            detail: path.map { "\($0): \(program.purpose)" } ?? "missing; it is for \(program.purpose)",
            remedy: path == nil ? "apt-get install \(program.package)" : "")
    }

    private static func space(_ directory: String) -> DriverReport.Finding {
        var facts = statvfs()
        guard statvfs(directory, &facts) == 0 else {
            return .init(
                "disk", works: false, detail: "\(directory): \(String(cString: strerror(errno)))",
                remedy: "choose another directory with --data-dir")
        }
        let free = Int64(facts.f_bavail) * Int64(facts.f_frsize)
        return .init(
            "disk", works: free > 1 << 30, detail: "\(ImageArgument.size(free)) free in \(directory)",
            remedy: free > 1 << 30 ? "" : "make room, or choose another directory with --data-dir")
    }

    private static func registry(_ path: String) -> DriverReport.Finding {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return .init(
                "registry", works: errno == ENOENT,
                detail: errno == ENOENT ? "none yet" : "\(path): \(String(cString: strerror(errno)))")
        }
        let isWritable = access(path, R_OK | W_OK) == 0
        return .init(
            "registry", works: isWritable, detail: "\(path), \(ImageArgument.size(Int64(status.st_size)))",
            remedy: isWritable ? "" : "chown \(geteuid()) \(path)*")
    }

    private static func images(_ settings: ServerConfiguration) async -> DriverReport.Finding {
        do {
            let path = settings.imagesPath
            let (count, bytes) = try await ImageArgument.blocking {
                let store = try ImageStore(folder: path)
                return (try store.images().count { !$0.names.isEmpty }, try store.totalBytes())
            }
            return .init(
                "images", works: true,
                detail: count == 0
                    ? "none yet; 'rockctl image pull' and 'rockctl image import' bring some"
                    : "\(count), \(ImageArgument.size(bytes))")
        } catch {
            return .init(
                "images", works: false, detail: (error as? Failure)?.message ?? "\(error)",
                remedy: "rockctl image list")
        }
    }

    /// Whether the address that a server would listen on is to be had.
    private static func port(_ settings: ServerConfiguration) -> DriverReport.Finding {
        let name = "\(settings.host):\(settings.port)"
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: settings.port).bigEndian
        guard inet_pton(AF_INET, settings.host, &address.sin_addr) == 1 else {
            return .init("port", works: true, detail: "\(name) is tried by the start itself")
        }
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        var yes: Int32 = 1
        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isFree = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(probe, $0, size) == 0 }
        }
        return .init(
            "port", works: isFree, detail: isFree ? "\(name) is free" : "\(name): \(String(cString: strerror(errno)))",
            remedy: isFree ? "" : "rockctl admin start --port 0, or end what listens there")
    }

    // MARK: Telling

    func text(style: Style) -> String {
        var text = ""
        for driver in drivers {
            let state = driver.isUsable ? style.paint("works", .good) : style.paint("does not work", .error)
            text += "\nDriver \(driver.driver): \(state)\n" + Self.lines(driver.findings, style)
        }
        return text + "\nData directory\n" + Self.lines(place, style)
    }

    private static func lines(_ findings: [DriverReport.Finding], _ style: Style) -> String {
        let width = findings.map(\.name.count).max() ?? 0
        return findings.map { finding in
            let mark = finding.works ? style.paint("ok", .good) : style.paint("NO", .error)
            let pad = String(repeating: " ", count: width - finding.name.count + 2)
            let remedy = finding.remedy.isEmpty ? "" : "        \(printable(finding.remedy, limit: 500))\n"
            return "  \(mark)  \(finding.name)\(pad)\(printable(finding.detail, limit: 500))\n" + remedy
        }.joined()
    }

    var driversJSON: JSON {
        .array(
            drivers.map { driver in
                [
                    "driver": .string(driver.driver), "is_usable": .bool(driver.isUsable),
                    "findings": Self.json(driver.findings),
                ]
            })
    }

    var placeJSON: JSON { Self.json(place) }

    private static func json(_ findings: [DriverReport.Finding]) -> JSON {
        .array(
            findings.map { finding in
                [
                    "name": .string(finding.name), "works": .bool(finding.works), "detail": .string(finding.detail),
                    "remedy": .string(finding.remedy),
                ]
            })
    }
}
