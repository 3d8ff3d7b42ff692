import GEM
import Images

extension ServerConfiguration {
    /// The image store's folder.
    package var imagesPath: String { dataDirectory + "/images" }
}

extension RegistryConfiguration {
    /// Takes over what a configuration file's `images` section sets.
    mutating func apply(_ section: inout ConfigurationSection) throws(Failure) {
        registry = try section.text("registry") ?? registry
        mirrors = try section.texts("mirrors") ?? mirrors
        insecure = try section.texts("insecure_registries") ?? insecure
        try section.refuseUnknownKeys()
    }
}
