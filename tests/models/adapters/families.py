"""Networks of other libraries with some ten thousand weights, as configs."""

from tests.models.builders import BN, FOCAL, preprocessor

WIDTHS = [8, 8, 8, 8]
STAGES = ["stage1", "stage2", "stage3", "stage4"]
VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 64,
    "patch_size": 16,
    "initializer_range": 0.2,
}
SWIN = {
    "model_type": "swin",
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 1, 1],
    "window_size": 4,
    "drop_path_rate": 0.0,
    "out_features": STAGES,
}
DINOV2 = {
    **VIT,
    "model_type": "dinov2",
    "mlp_ratio": 1,
    "out_features": STAGES,
    "reshape_hidden_states": True,
}
UPERNET = {"model_type": "upernet", "hidden_size": 8, "pool_scales": [1, 2]}
NETWORKS = {
    "SegFormer": {
        "model_type": "segformer",
        "depths": [1, 1, 1, 1],
        "hidden_sizes": WIDTHS,
        "num_attention_heads": [1, 1, 1, 1],
        "decoder_hidden_size": 16,
        "classifier_dropout_prob": 0.0,
        "drop_path_rate": 0.0,
    },
    "UPerNet with Swin": {**UPERNET, "backbone_config": SWIN},
    "UPerNet with DINOv2": {**UPERNET, "backbone_config": DINOV2},
    "DPT": {
        **VIT,
        "model_type": "dpt",
        "intermediate_size": 16,
        "backbone_out_indices": [0, 1, 2, 3],
        "neck_hidden_sizes": WIDTHS,
        "fusion_hidden_size": 8,
        "semantic_classifier_dropout": 0.0,
    },
    "BEiT": {
        **VIT,
        "model_type": "beit",
        "intermediate_size": 16,
        "out_indices": [1, 2, 3, 4],
        "pool_scales": [1, 2],
        "drop_path_rate": 0.0,
    },
    "Mask2Former": {
        "model_type": "mask2former",
        "backbone_config": SWIN,
        "feature_size": 32,
        "mask_feature_size": 32,
        "hidden_dim": 32,
        "encoder_feedforward_dim": 8,
        "dim_feedforward": 8,
        "num_attention_heads": 2,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "num_queries": 5,
        "dropout": 0.0,
    },
    "EoMT": {
        **VIT,
        "model_type": "eomt",
        "mlp_ratio": 1,
        "num_upscale_blocks": 1,
        "num_blocks": 1,
        "num_queries": 5,
        "num_register_tokens": 1,
    },
}


def transformers(name: str, **head) -> dict:
    """Config of a network of transformers; ``head`` changes the decode head."""
    return {
        "type": "TransformersSegmentor",
        "network": NETWORKS[name],
        "decode_head": {
            "type": "TransformersHead",
            "num_classes": 2,
            "out_channels": 2,
            "loss_decode": FOCAL,
            **head,
        },
        "data_preprocessor": preprocessor(),
    }


def smp(arch: str, **network) -> dict:
    """Config of a network of segmentation_models.pytorch."""
    return {
        "type": "SMPSegmentor",
        "network": {
            "arch": arch,
            "encoder_name": "tu-mobilenetv3_small_050",
            **network,
        },
        "decode_head": {
            "type": "SMPHead",
            "num_classes": 2,
            "out_channels": 2,
            "loss_decode": FOCAL,
        },
        "data_preprocessor": preprocessor(),
    }


def with_fcn(backbone: dict, channels: int, stage: int) -> dict:
    """Config of an FCN head on a backbone of another library."""
    head = {
        "type": "FCNHead",
        "in_channels": channels,
        "in_index": stage,
        "channels": 8,
        "num_convs": 1,
        "concat_input": False,
        "dropout_ratio": 0.0,
        "num_classes": 2,
        "out_channels": 2,
        "norm_cfg": BN,
        "loss_decode": FOCAL,
    }
    return {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor(),
        "backbone": backbone,
        "decode_head": head,
        "test_cfg": {"mode": "whole"},
    }
