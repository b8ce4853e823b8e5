package dev.lnrnn;

/** Where the buffers of a run come from. */
@FunctionalInterface
interface Memory {

    /** For tensors, which need no more than their elements' alignment. */
    DeviceBuffer tensor(long bytes);

    /** For packed weights, workspace and reserve, which must be aligned to 64 bytes. */
    default DeviceBuffer space(long bytes) {
        return tensor(bytes);
    }
}
