package dev.lnrnn;

/**
 * The device that tests compute on, when they are about all devices: the one that the system property
 * {@code lnrnn.test.device} names, the processor without it. Such tests have the tag {@code device}; those among them
 * that are about the processor's threads, instruction sets or memory have the tag {@code cpu} besides.
 */
public final class TestDevice {

    /** As {@link Device#open(String)} takes it. */
    public static final String NAME = System.getProperty("lnrnn.test.device", "cpu");

    /** Whether it is emulated, and therefore slow: tests then take smaller or fewer examples. */
    public static final boolean EMULATED = Boolean.getBoolean("lnrnn.test.emulated");

    private TestDevice() {}

    /** Opens it. */
    public static Device open() {
        return Device.open(NAME);
    }

    /** Opens it, on the processor with so many threads. */
    public static Device open(int threads) {
        return isCpu() ? Device.open(NAME, DeviceOptions.DEFAULTS.withThreads(threads)) : open();
    }

    /** Whether it has graphs. */
    public static boolean captures() {
        try (Device device = open(); Stream stream = device.createStream(); Graph graph = stream.capture(() -> {})) {
            return graph.device() == device;
        } catch (LnrnnException e) {
            if (e.status() != Status.NOT_SUPPORTED) {
                throw e;
            }
            return false;
        }
    }

    public static boolean isCpu() {
        return NAME.equals("cpu");
    }
}
