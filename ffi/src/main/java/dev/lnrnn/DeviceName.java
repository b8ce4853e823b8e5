package dev.lnrnn;

import dev.lnrnn.raw.lnrnn_h;
import java.util.Objects;

/** A device's name taken apart: {@code "cpu"} or {@code "cuda:N"}. */
record DeviceName(int kind, int ordinal) {
    private static final String CUDA = "cuda:";

    static DeviceName parse(String name) {
        Objects.requireNonNull(name, "name");
        if (name.equals("cpu")) {
            return new DeviceName(lnrnn_h.LNRNN_DEVICE_CPU(), 0);
        }
        if (name.startsWith(CUDA)) {
            try {
                int ordinal = Integer.parseInt(name, CUDA.length(), name.length(), 10);
                if (ordinal >= 0) {
                    return new DeviceName(lnrnn_h.LNRNN_DEVICE_CUDA(), ordinal);
                }
            } catch (NumberFormatException e) {
                // The sentence below says what was expected.
            }
        }
        throw new IllegalArgumentException("name is \"" + name + "\", expected \"cpu\" or \"cuda:N\"");
    }

    @Override
    public String toString() {
        return kind == lnrnn_h.LNRNN_DEVICE_CPU() ? "cpu" : CUDA + ordinal;
    }
}
