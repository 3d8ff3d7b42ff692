package import GEM
import Glibc

/// The folder that holds a server's sockets and state.
package enum DataDirectory {
    /// Makes `path` and the folders above it, for this user only.
    ///
    /// - Throws: ``Failure`` that names the folder and the reason.
    package static func prepare(_ path: String) throws(Failure) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o700) != 0, errno != EEXIST {
                throw Failure(
                    .infraFailed,
                    "Cannot make the data directory \(path): \(String(cString: strerror(errno))). Choose another by --data-dir."
                )
            }
        }
    }
}
