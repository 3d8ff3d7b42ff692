import GEM
import Glibc
import Testing
import Transport

@testable import Images

/// What is left when a process is killed in the middle of an import.
@Suite struct CrashTests {
    @Test(arguments: [1, 300_000, 1_500_000]) func aKilledImportLeavesASoundStore(bytes: Int) async throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let before = try store.importRootFilesystem(try scratch.tar([.file("a", "1")]), name: "before")
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [folder = store.folder as String, bytes = bytes as Int] in
            _ = try ImageStore(folder: folder).importImages(TestImages.noBash, name: "killed") { count in
                if count >= bytes { raise(SIGKILL) }
            }
        }
        // It is seen by nobody, and the next store to be opened clears it away.
        #expect(try store.images().map(\.digest) == [before.digest])
        #expect(try Files.names(in: store.folder + "/temporary").count == 1)
        let next = try scratch.store()
        #expect(try Files.names(in: next.folder + "/temporary").isEmpty)
        #expect(try Files.names(in: next.folder + "/layers").count == 1)
        #expect(try next.importRootFilesystem(TestImages.noBash, name: "killed").layers.count == 1)
    }
}
