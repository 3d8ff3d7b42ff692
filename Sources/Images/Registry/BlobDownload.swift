import GEM
import Glibc
import Transport

/// Fetches a blob into a file, goes on where a connection broke, and believes nothing but the digest.
struct BlobDownload {
    private let blob: Descriptor
    private let client: RepositoryClient
    private let meter: ProgressMeter
    private let attempts = 5

    init(_ blob: Descriptor, _ client: RepositoryClient, _ meter: ProgressMeter) {
        self.blob = blob
        self.client = client
        self.meter = meter
    }

    /// Writes the blob to the new file `path`.
    func run(into path: String) throws(Failure) {
        let file = try Files.open(path, O_RDWR | O_CREAT | O_EXCL)
        var hasher = SHA256Hasher()
        var count: Int64 = 0
        var last = Failure(.infraFailed, "\(client.server.host) does not answer.")
        for attempt in 0..<attempts where count < blob.size || attempt == 0 {
            // A registry that is overloaded or restarts wants a moment: 0.2 s, then twice as long each time.
            if attempt > 0 { usleep(100_000 << UInt32(attempt)) }
            var transfer = client.transfer("GET", "blobs/\(blob.digest)")
            if count > 0 { transfer.headers = ["Range: bytes=\(count)-"] }
            let resumesAt = count
            do throws(Failure) {
                var skip: Int64?
                let answer = try client.send(transfer) {
                    (answer: Transfer.Answer, piece: UnsafeRawBufferPointer) throws(Failure) in
                    // A server that knows no ranges begins anew.
                    var left = skip ?? (answer.status == 206 ? 0 : resumesAt)
                    let dropped = Int(min(left, Int64(piece.count)))
                    left -= Int64(dropped)
                    skip = left
                    let fresh = UnsafeRawBufferPointer(rebasing: piece.dropFirst(dropped))
                    guard count + Int64(fresh.count) <= blob.size else {
                        throw Failure(.invalidArgument, "The blob \(blob.digest) is longer than its manifest says.")
                    }
                    hasher.update(fresh)
                    try Files.write(fresh, to: file, path)
                    count += Int64(fresh.count)
                    meter.change { $0.bytesDone += Int64(fresh.count) }
                }
                if 200..<300 ~= answer.status, count == blob.size { break }
                let mayPass = answer.status == 429 || answer.status >= 500 || 200..<300 ~= answer.status
                last = Failure(
                    mayPass ? .infraFailed : .invalidArgument,
                    "\(client.server.host) answers with status \(answer.status) for the blob \(blob.digest)\(answer.complaint)."
                )
                if !mayPass { throw last }
            } catch {
                guard error.kind == .infraFailed, !client.isCancelled else { throw error }
                last = error
            }
        }
        guard count == blob.size else { throw last }
        guard hasher.finish() == blob.digest else {
            throw Failure(.infraFailed, "A blob from \(client.server.host) is not the one that \(blob.digest) names.")
        }
    }
}
