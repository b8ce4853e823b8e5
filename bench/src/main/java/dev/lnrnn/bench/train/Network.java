package dev.lnrnn.bench.train;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lnrnn.CellType;
import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import dev.lnrnn.bench.BadInputException;
import java.util.LinkedHashMap;
import java.util.Map;

/** The recurrent part of a forecaster, but for what it reads. */
@JsonNaming(SnakeCaseStrategy.class)
record Network(CellType cell, Normalization normalization, int layers, boolean bidirectional, int hidden,
        double zoneout, double dropconnect, double dropout) {

    /** Before anything is opened or read for it. */
    void checkLegal() {
        spec(1);
    }

    LayerSpec spec(int inputSize) {
        LayerSpec base = switch (cell) {
            case LSTM -> LayerSpec.lstm(inputSize, hidden);
            case GRU -> LayerSpec.gru(inputSize, hidden);
            case INDRNN -> LayerSpec.indrnn(inputSize, hidden);
        };
        try {
            return base.withNormalization(normalization)
                    .withLayers(layers)
                    .withDirection(bidirectional ? Direction.BIDIRECTIONAL : Direction.FORWARD)
                    .withZoneout(zoneout)
                    .withDropconnect(dropconnect)
                    .withDropout(dropout);
        } catch (IllegalArgumentException e) {
            throw new BadInputException("There is no such network: " + e.getMessage() + ".");
        }
    }

    /** For people: "LSTM HASTE", "GRU NONE, 2 layers, bidirectional". */
    String title() {
        return cell + " " + normalization + (layers == 1 ? "" : ", " + layers + " layers")
                + (bidirectional ? ", bidirectional" : "");
    }

    Map<String, String> toMetadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("cell", cell.name());
        metadata.put("normalization", normalization.name());
        metadata.put("layers", Integer.toString(layers));
        metadata.put("bidirectional", Boolean.toString(bidirectional));
        metadata.put("hidden_size", Integer.toString(hidden));
        metadata.put("zoneout", Double.toString(zoneout));
        metadata.put("dropconnect", Double.toString(dropconnect));
        metadata.put("dropout", Double.toString(dropout));
        return metadata;
    }

    static Network fromMetadata(Map<String, String> metadata) {
        return new Network(CellType.valueOf(metadata.get("cell")),
                Normalization.valueOf(metadata.get("normalization")),
                Integer.parseInt(metadata.get("layers")),
                Boolean.parseBoolean(metadata.get("bidirectional")),
                Integer.parseInt(metadata.get("hidden_size")),
                Double.parseDouble(metadata.get("zoneout")),
                Double.parseDouble(metadata.get("dropconnect")),
                Double.parseDouble(metadata.get("dropout")));
    }
}
