import Glibc

/// A program of the system's that this one runs: always by its path, never by a shell.
package struct SystemProgram: Sendable {
    package let name: String
    /// The Debian package that brings it.
    package let package: String
    package let purpose: String
    private let folders: [String]

    /// Where it is; `nil` where it is missing.
    package var path: String? { folders.map { $0 + name }.first { access($0, X_OK) == 0 } }

    /// All of them.
    package static let all: [SystemProgram] = [
        .init("curl", purpose: "images from registries, and to them"),
        .init("gzip", purpose: "images that are compressed that way, as most are"),
        .init("zstd", purpose: "images that are compressed that way"),
        .init("xz", of: "xz-utils", purpose: "images that are compressed that way"),
        .init("bzip2", purpose: "images that are compressed that way"),
        .init("mkfs.ext4", of: "e2fsprogs", in: systemFolders, purpose: "disks of limited size in jails"),
        .init("e2fsck", of: "e2fsprogs", in: systemFolders, purpose: "disks that were cut off, before a restart"),
    ]

    /// The one called `name`; with the package of the same name where it is not listed.
    static func named(_ name: String) -> SystemProgram {
        all.first { $0.name == name } ?? SystemProgram(name, purpose: "")
    }

    private static let systemFolders = ["/usr/sbin/", "/sbin/"]

    private init(
        _ name: String, of package: String? = nil, in folders: [String] = ["/usr/bin/", "/bin/", "/usr/local/bin/"],
        purpose: String
    ) {
        (self.name, self.package, self.folders, self.purpose) = (name, package ?? name, folders, purpose)
    }
}
