"""Operations: parsed, measured against the limits, validated and executed."""
