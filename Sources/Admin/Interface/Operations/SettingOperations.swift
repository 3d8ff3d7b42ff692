import GEM
import Registry
import SandboxHost

extension Interface {
    /// Settings that change while the server runs, and what its drivers can do here.
    static let settingOperations: [Operation] = [
        Operation(
            name: "admin.config.get", verbs: [.get], path: administration + "/config",
            summary: "The settings that can be changed while the server runs", scope: .admin, form: .bare,
            result: settings,
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                settingsJSON(try services.needSandboxes())
            }),
        Operation(
            name: "admin.config.set", verbs: [.post], path: administration + "/config",
            summary: "Changes settings at once, until the server ends", scope: .admin,
            body: .json([
                .optional("get_status", .word("registry", "legacy"), "How get_status finds out")
            ]), form: .bare, result: settings, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let sandboxes = try services.needSandboxes()
                if let word = call.text("get_status"), let source = ServerConfiguration.StatusSource(rawValue: word) {
                    sandboxes.statusSource = source
                }
                return settingsJSON(sandboxes)
            }),
        Operation(
            name: "admin.drivers", verbs: [.get], path: administration + "/drivers",
            summary: "What each driver can do on this machine", scope: .read, form: .bare,
            result: .object(.required("drivers", .list(of: .any))),
            action: .value { (_, services) async throws(Failure) -> [UInt8] in
                let reports = await (try services.needSandboxes()).machine.examine()
                return json { writer in
                    writer.beginObject()
                    writer.name("drivers")
                    writer.beginArray()
                    for report in reports { writer.report(report) }
                    writer.endArray()
                    writer.endObject()
                }
            }),
    ]

    private static let settings = Schema.object(.required("get_status", .word("registry", "legacy")))

    private static func settingsJSON(_ sandboxes: SandboxDirectory) -> [UInt8] {
        json { writer in
            writer.beginObject()
            writer.name("get_status")
            writer.string(sandboxes.statusSource.rawValue)
            writer.endObject()
        }
    }
}

extension JSONWriter {
    fileprivate mutating func report(_ report: DriverReport) {
        beginObject()
        name("driver")
        string(report.driver)
        name("is_usable")
        bool(report.isUsable)
        name("findings")
        beginArray()
        for finding in report.findings {
            beginObject()
            name("name")
            string(finding.name)
            name("works")
            bool(finding.works)
            name("detail")
            string(finding.detail)
            name("remedy")
            string(finding.remedy)
            endObject()
        }
        endArray()
        endObject()
    }
}
