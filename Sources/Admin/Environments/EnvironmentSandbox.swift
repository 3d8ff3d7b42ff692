import GEM
import SandboxHost

/// The sandbox that an environment runs in, whoever plays it: the rocklet of a jail, or somebody's program.
protocol EnvironmentSandbox: AnyObject, Sendable {
    var id: SandboxID { get }
    /// What every call answers from now on; `nil` while it runs.
    var failure: Failure? { get }
    /// What its process holds now; `nil` where that cannot be told.
    var usage: SandboxUsage? { get }
    /// Which walls stand around it, as JSON.
    var isolationJSON: [UInt8] { get }

    /// Calls a method of the environment and waits for the reply. Calls are answered in the order they are made.
    ///
    /// - Parameters:
    ///   - method: Such as `step`.
    ///   - params: One JSON object on one line.
    ///   - limit: How long the environment may work on it unless it knows better itself.
    /// - Returns: What it answered, a refusal included.
    /// - Throws: ``Failure`` where the sandbox fails; from then on every call says the same.
    func call(_ method: StaticString, params: [UInt8], limit: Duration) async throws(Failure) -> Reply

    /// Ends it and waits until nothing is left. May be called again.
    func close() async
}

extension Sandbox: EnvironmentSandbox {
    var isolationJSON: [UInt8] { Array(isolation.json) }
}
