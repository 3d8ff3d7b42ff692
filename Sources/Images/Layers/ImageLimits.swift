/// What an image may hold: numbers far beyond honest images, below what hurts a machine.
package struct ImageLimits: Sendable {
    /// Bytes of one layer, unpacked.
    package var layerBytes: Int64 = 64 << 30
    /// Files and folders in one layer.
    package var layerEntries = 2_000_000
    /// Layers of one image; overlayfs takes no more than 500.
    package var layers = 128
    /// Bytes of a manifest or a configuration.
    package var documentBytes = 4 << 20

    package init() {}
}
