package import GEM
import SandboxHost

/// Asks the container engine how it is, and has it started where it does not answer and the administrator has said how.
package struct DockerHealth: UpkeepTask {
    /// A program and its arguments, such as `service docker start`.
    private let restart: [String]

    package init(_ parameters: inout TaskParameters) throws(Failure) {
        restart = try parameters.texts("restart") ?? []
    }

    package func run(at workplace: Workplace) async throws(Failure) -> TaskReport {
        let driver = try workplace.machine.driver("docker")
        var report = await driver.examine()
        var isRestarted = false
        if !report.isUsable, let name = restart.first {
            guard let path = SystemProgram.find(name) else {
                throw Failure(
                    .invalidArgument, "The program \(name), which is to start the container engine, is not there.")
            }
            let outcome = try await SystemProgram.run(
                path, Array(restart.dropFirst()), log: workplace.taskLog("docker_health"), on: workplace.loop)
            guard outcome.isSuccess else {
                throw Failure(
                    .infraFailed, "The container engine does not answer, and \(name) has not started it: \(outcome).")
            }
            isRestarted = true
            report = await driver.examine()
        }
        let findings = report.findings.map { finding -> JSON in
            ["name": .string(finding.name), "works": .bool(finding.works), "detail": .string(finding.detail)]
        }
        let details: JSON.Object = ["restarted": .bool(isRestarted), "findings": .array(findings)]
        guard report.isUsable else {
            let reason = report.findings.first { !$0.works }
            return .failed(
                "The container engine cannot be used: \(reason?.detail ?? "it does not answer") \(reason?.remedy ?? "")",
                details: details)
        }
        return TaskReport(.success, details: details)
    }
}
