import Foundation
import Testing

/// The Python client, installed as its users install it, against the real server.
@Suite(.timeLimit(.minutes(5))) struct PythonClientTests {
    /// Its own tests: every transport, lost answers, Gymnasium's checks. They start a server of their own.
    @Test func itsOwnTestsPass() async throws {
        try await InstalledPackage.use { package in
            let tests = try await package.python(
                ["-m", "pytest", "-q", "-p", "no:cacheprovider", "clients/python/tests"])
            #expect(tests.status == 0, "\(tests.output)")
            #expect(!tests.output.contains("skipped"), "\(tests.output.suffix(300))")
        }
    }

    @Test func itIsTypedThroughout() async throws {
        try await InstalledPackage.use { package in
            let checked = try await package.python([
                "-m", "mypy", "--strict", "--cache-dir", package.directory + "/mypy", "--config-file",
                "clients/python/pyproject.toml", "clients/python/src/rockgem", "clients/python/tests",
                "Examples/python",
            ])
            #expect(checked.status == 0, "\(checked.output)")
        }
    }

    /// `-S` leaves out every installed package; `py.typed` lets type checkers read this one.
    @Test func itNeedsTheStandardLibraryOnlyAndCarriesItsTypes() async throws {
        try await InstalledPackage.use { package in
            let files = FileManager.default
            #expect(files.fileExists(atPath: package.directory + "/installed/rockgem/py.typed"))
            let imported = try await package.python(["-S", "-c", "import rockgem; print(rockgem.__version__)"])
            #expect(imported.status == 0 && imported.output.hasPrefix("0."), "\(imported.output)")
        }
    }
}
