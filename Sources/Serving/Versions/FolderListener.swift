// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import Platform

/// Calls back when something changes in folders.
///
/// `@unchecked Sendable`: everything mutable is touched on the queue alone.
final class FolderListener: @unchecked Sendable {
    private let source: any DispatchSourceRead
    private let box: Box

    /// A box, because a closure cannot hold what has one owner.
    private final class Box: Sendable {
        let watch: DirectoryWatch

        init(_ watch: consuming DirectoryWatch) { self.watch = watch }
    }

    init(
        on queue: DispatchQueue,
        changed: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let box = Box(try DirectoryWatch())
        self.box = box
        source = DispatchSource.makeReadSource(fileDescriptor: box.watch.number, queue: queue)
        source.setEventHandler { if box.watch.drain() { changed() } }
        // The descriptor must outlive the source.
        source.setCancelHandler { withExtendedLifetime(box) {} }
        source.activate()
    }

    deinit { source.cancel() }

    /// Watches these folders too; one that is gone meanwhile, or may not be read, tells nothing.
    ///
    /// - Throws: where the kernel watches no more of them.
    func watch(_ folders: [String]) throws(SystemError) {
        for folder in folders {
            do throws(SystemError) {
                try box.watch.add(folder)
            } catch  where error.errno == ENOSPC || error.errno == ENOMEM {
                throw error
            } catch {}
        }
    }
}
