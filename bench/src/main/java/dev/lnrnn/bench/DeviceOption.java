package dev.lnrnn.bench;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceInfo;
import dev.lnrnn.DeviceOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --device}, alike in every command that computes. */
public final class DeviceOption {

    private static final String CPU = "cpu";

    @Option(names = "--device", paramLabel = "cpu|cuda:N",
            description = "Where to compute. Default: the best device there is.")
    private @Nullable String name;

    /** Opens the device asked for; threads and instruction set apply to the CPU alone. */
    public Device open(DeviceOptions cpuOptions) {
        String chosen = name != null ? name : best();
        try {
            return chosen.equals(CPU) ? Device.open(CPU, cpuOptions) : Device.open(chosen);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(e.getMessage());
        }
    }

    /** As {@link Device#best()}, but known before it is opened, so that the options reach the CPU and only the CPU. */
    private static String best() {
        return Device.available().stream().map(DeviceInfo::name).filter(name -> !name.equals(CPU)).findFirst()
                .orElse(CPU);
    }
}
