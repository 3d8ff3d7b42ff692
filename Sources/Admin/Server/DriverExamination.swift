package import GEM
package import SandboxHost
import Transport

/// What each driver can do on this machine, found out without a server.
package enum DriverExamination {
    /// Tries every driver that the configuration offers. Starts no sandbox, and leaves those that run alone.
    ///
    /// - Parameter configuration: Which drivers, and with what they would work.
    /// - Returns: A report each.
    /// - Throws: ``Failure`` where not even that can be tried.
    package static func run(_ configuration: ServerConfiguration) async throws(Failure) -> [DriverReport] {
        try DataDirectory.prepare(configuration.dataDirectory)
        let group = try attempting("start the event loops") { () throws in try EventLoopGroup(count: 1) }
        defer { group.shutDown() }
        var reports: [DriverReport] = []
        for (name, driver) in Sandboxes.driversOrReasons(configuration, loops: group) {
            switch driver {
            case .success(let driver): reports.append(await driver.examine())
            case .failure(let failure):
                let finding = DriverReport.Finding("driver", works: false, detail: failure.message)
                reports.append(DriverReport(driver: name, isUsable: false, findings: [finding]))
            }
        }
        return reports
    }
}
