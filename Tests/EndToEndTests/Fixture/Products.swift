import Foundation

/// Where the built programs and the test clients are.
enum Products {
    /// The folder that holds this test bundle, and so `rockctl` and `rocklet` of the same configuration.
    static let folder: URL = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).standardizedFileURL.deletingLastPathComponent()
    }()

    static var rockctl: String { folder.appendingPathComponent("rockctl").path }

    /// The root of the package: the folder above `Tests`.
    static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The Python of the environment that `Scripts/make-test-venv` makes.
    static var python: String { venv + "/bin/python" }

    /// The one that has the newest generation of ROCK's package.
    static var newestRockPython: String { venv + "-rock-1.11/bin/python" }

    private static var venv: String {
        ProcessInfo.processInfo.environment["ROCK_TEST_VENV"]
            ?? package.appendingPathComponent(".build/test-venv").path
    }

    /// A script beside the tests.
    static func client(_ name: String) -> String {
        package.appendingPathComponent("Tests/EndToEndTests/Clients/\(name)").path
    }
}
