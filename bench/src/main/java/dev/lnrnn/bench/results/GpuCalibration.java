package dev.lnrnn.bench.results;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lnrnn.bench.BadInputException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** What the GPU can do at best, as {@code lnrnn_calibrate} measured it. */
final class GpuCalibration implements Calibration {

    /** Whose rate stands for a data type: our own multiply-adds, and cuBLAS's products where it was there. */
    private static final Map<String, List<String>> RATES = Map.of(
            "f64", List.of("/flops/fma_f64", "/cublas/f64"),
            "f32", List.of("/flops/fma_f32", "/cublas/f32"),
            "f16", List.of("/flops/mma_f16", "/cublas/f16"),
            "bf16", List.of("/flops/mma_bf16", "/cublas/bf16"));

    private static final List<Integer> CLUSTERS = List.of(2, 4, 8, 16);

    private final JsonNode json;

    GpuCalibration(JsonNode json) {
        this.json = json;
    }

    @Override
    public double peak(String dtype) {
        List<String> rates = Objects.requireNonNull(RATES.get(dtype), dtype);
        return Math.max(number(rates.getFirst()), json.at(rates.getLast()).asDouble());
    }

    /** All multiprocessors together. */
    @Override
    public double bandwidth(double bytes) {
        String level = bytes <= multiprocessors() * sharedBytes() ? "shared"
                : bytes <= number("/l2_bytes") ? "l2" : "copy";
        return number("/bytes_per_second/" + level);
    }

    /** The quickest among as many multiprocessors as it takes to hold so many bytes. */
    @Override
    public double exchange(double bytes) {
        DoubleStream grid = Stream.of("grid_barrier_exchange", "grid_flag_exchange")
                .mapToDouble(name -> number("/microseconds/" + name));
        DoubleStream clusters = CLUSTERS.stream().filter(blocks -> bytes <= blocks * sharedBytes())
                .map(blocks -> json.at("/microseconds/cluster_exchange/" + blocks)).filter(JsonNode::isNumber)
                .mapToDouble(JsonNode::asDouble);
        return 1e-6 * DoubleStream.concat(grid, clusters).min().orElseThrow();
    }

    /** What the calibration always has. */
    private double number(String path) {
        double number = json.at(path).asDouble(Double.NaN);
        if (!(number > 0 && number < Double.POSITIVE_INFINITY)) {
            throw new BadInputException("The calibration has \"" + json.at(path).asText() + "\" at " + path
                    + "; expected a number above 0.");
        }
        return number;
    }

    private double multiprocessors() {
        return number("/multiprocessors");
    }

    private double sharedBytes() {
        return number("/shared_bytes_per_multiprocessor");
    }
}
