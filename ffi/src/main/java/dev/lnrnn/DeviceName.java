package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.util.Objects;

/** A device's name taken apart: {@code "cpu"} or {@code "cuda:N"}. */
record DeviceName(boolean cuda, int ordinal) {
    static final DeviceName CPU = new DeviceName(false, 0);
    static final DeviceName FIRST_CUDA = new DeviceName(true, 0);
    private static final String PREFIX = "cuda:";

    static DeviceName parse(String name) {
        Objects.requireNonNull(name, "name");
        if (name.equals("cpu")) {
            return CPU;
        }
        if (name.startsWith(PREFIX)) {
            try {
                int ordinal = Integer.parseInt(name, PREFIX.length(), name.length(), 10);
                if (ordinal >= 0) {
                    return new DeviceName(true, ordinal);
                }
            } catch (NumberFormatException e) {
                // The sentence below says what was expected.
            }
        }
        throw new IllegalArgumentException("name is \"" + name + "\", expected \"cpu\" or \"cuda:N\"");
    }

    /** Its kind's number in the C API; not before the library is loaded. */
    int kind() {
        return cuda ? lnrnn_h.LNRNN_DEVICE_CUDA() : lnrnn_h.LNRNN_DEVICE_CPU();
    }

    @Override
    public String toString() {
        return cuda ? PREFIX + ordinal : "cpu";
    }
}
