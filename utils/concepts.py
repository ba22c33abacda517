"""The concepts that the course must make runnable: the rows of the source article, by their ids, as data.

Cells of the notebooks name the concepts that they run: `# %% concepts=["A1.1"]`. A test holds these names to this list,
and every concept of a section in `COMPLETE` to a cell of code that runs it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One row: `id` is its section and number, `name` what it is, then its Chinese terms as in China and in Taiwan."""

    id: str
    name: str
    simplified: str
    traditional: str

    @property
    def section(self) -> str:
        """The section of the article, such as "A1"; its digit is that of the chapter that follows it."""
        return self.id.partition(".")[0]


CONCEPTS = (
    # Overview
    Concept("A1.1", "what a modality is, and which there are", "模态", "模態"),
    Concept("A1.2", "what makes a large model multimodal", "多模态大模型", "多模態大模型"),
    Concept(
        "A1.3",
        "language models beside multimodal ones: inputs, parameters, computation, context",
        "大语言模型与多模态大模型的对比",
        "大型語言模型與多模態大模型的比較",
    ),
    Concept("A1.4", "large says how many parameters, multimodal how many kinds of data", "规模与模态", "規模與模態"),
    Concept("A1.5", "why several modalities: each tells what another leaves open", "信息互补", "資訊互補"),
    Concept(
        "A1.6",
        "alignment of data, their fusion, and one representation for all",
        "数据对齐、数据融合、统一表示",
        "資料對齊、資料融合、統一表徵",
    ),
    Concept(
        "A1.7",
        "what a language model cannot do: other inputs, rare languages",
        "大语言模型的局限",
        "大型語言模型的侷限",
    ),
    Concept(
        "A1.8", "talking to computers as people do, with voice, face and feeling", "人机交互、情感", "人機互動、情感"
    ),
    # How it works
    Concept(
        "A2.1",
        "the way from features through alignment and reasoning to an answer",
        "特征提取、对齐、推理、输出",
        "特徵擷取、對齊、推理、輸出",
    ),
    Concept("A2.2", "text encoder and tokenizer", "文本编码器、分词器", "文字編碼器、分詞器"),
    Concept("A2.3", "vision encoder: convolutions and patches", "视觉编码器", "視覺編碼器"),
    Concept("A2.4", "audio encoder", "音频编码器", "音訊編碼器"),
    Concept("A2.5", "video encoder: space and time", "视频编码器", "影片編碼器"),
    Concept("A2.6", "encoder of things in space", "三维编码器", "三維編碼器"),
    Concept("A2.7", "alignment of modalities token by token", "令牌级对齐", "詞元級對齊"),
    Concept("A2.8", "fusion of features", "特征级融合", "特徵級融合"),
    Concept("A2.9", "one space for all modalities", "表示统一", "表徵統一"),
    Concept("A2.10", "contrastive learning", "对比学习", "對比學習"),
    Concept("A2.11", "joint embedding", "联合嵌入", "聯合嵌入"),
    Concept("A2.12", "attention between modalities", "注意力机制", "注意力機制"),
    Concept("A2.13", "pretraining, then fine-tuning", "预训练与微调", "預訓練與微調"),
    Concept(
        "A2.14", "low-rank adaptation, and on picture tokens alone", "低秩适配、部分低秩适配", "低秩適應、部分低秩適應"
    ),
    Concept("A2.15", "learning from multimodal examples in the prompt", "多模态上下文学习", "多模態上下文學習"),
    Concept("A2.16", "multimodal chain of thought", "多模态思维链", "多模態思維鏈"),
    Concept("A2.17", "reasoning with the help of something seen", "视觉辅助推理", "視覺輔助推理"),
    Concept("A2.18", "understanding objects, scenes and activities", "多模态理解", "多模態理解"),
    Concept("A2.19", "making pictures from text and text from pictures", "跨模态生成", "跨模態生成"),
    Concept("A2.20", "conversation over pictures", "多模态对话", "多模態對話"),
    Concept("A2.21", "reasoning about space", "空间推理", "空間推理"),
    # Architectures and training
    Concept("A3.1", "dual encoder", "双塔模型", "雙塔模型"),
    Concept("A3.2", "fusion: early, late, hybrid", "融合模型", "融合模型"),
    Concept("A3.3", "two streams that attend to each other", "协同注意力", "協同注意力"),
    Concept("A3.4", "end-to-end: visual tokens in a language model", "端到端模型", "端到端模型"),
    Concept("A3.5", "mixture of experts", "混合专家模型", "混合專家模型"),
    Concept("A3.6", "the four families side by side", "四类架构对比", "四類架構比較"),
    Concept("A3.7", "pictures and text in one sequence", "统一编码空间", "統一編碼空間"),
    Concept("A3.8", "models of the world outside", "代表性模型", "代表性模型"),
    Concept("A3.9", "first stage: pretraining", "预训练", "預訓練"),
    Concept("A3.10", "second stage: instructions, and where they come from", "指令微调", "指令微調"),
    Concept("A3.11", "third stage: preferences against hallucination", "对齐微调", "對齊微調"),
    Concept("A3.12", "what is hard: hallucination, alignment, scarce pairs, cost", "技术挑战", "技術挑戰"),
    # Applications
    Concept("A4.1", "questions about pictures", "视觉问答", "視覺問答"),
    Concept("A4.2", "captions for pictures", "图像描述", "影像描述"),
    Concept("A4.3", "relations and logic between objects", "视觉推理", "視覺推理"),
    Concept("A4.4", "what happens in a video", "视频理解、动作识别", "影片理解、動作辨識"),
    Concept("A4.5", "questions about videos", "视频问答", "影片問答"),
    Concept("A4.6", "summaries of videos", "视频摘要", "影片摘要"),
    Concept("A4.7", "one moment found in a long video", "长视频检索", "長影片檢索"),
    Concept("A4.8", "search across modalities", "跨模态检索", "跨模態檢索"),
    Concept("A4.9", "recommendation from content and clicks", "多模态推荐", "多模態推薦"),
    Concept("A4.10", "writing from pictures", "看图写作", "看圖寫作"),
    Concept("A4.11", "pictures from text, and changed by it", "文生图、图像编辑", "文字生成影像、影像編輯"),
    Concept("A4.12", "video and speech from text", "文生视频、音视频合成", "文字生成影片、影音合成"),
    Concept("A4.13", "medical pictures with reports", "医学影像分析", "醫學影像分析"),
    Concept("A4.14", "health records of several kinds", "健康档案", "健康紀錄"),
    Concept("A4.15", "doctor and patient", "医患沟通", "醫病溝通"),
    Concept("A4.16", "programs for shapes, and planning in space", "计算机辅助设计", "電腦輔助設計"),
    Concept("A4.17", "speech to text and text to speech", "语音识别与合成", "語音辨識與合成"),
    Concept("A4.18", "driving by camera, lidar and instruction", "自动驾驶", "自動駕駛"),
    Concept("A4.19", "what a language model does alone", "文本任务", "文字任務"),
    Concept("A4.20", "safety and teaching", "内容安全、教育", "內容安全、教育"),
    # Comparison
    Concept("A5.1", "figures of well-known models, with source and date", "模型对比", "模型比較"),
    Concept("A5.2", "how such figures come about", "基准测试", "基準測試"),
    # Trends and challenges
    Concept("A6.1", "more modalities: touch, space", "更多模态", "更多模態"),
    Concept("A6.2", "deeper fusion", "更深融合", "更深融合"),
    Concept("A6.3", "new ways of pretraining", "新预训练方法", "新預訓練方法"),
    Concept("A6.4", "few examples, or none", "少样本与零样本", "少樣本與零樣本"),
    Concept("A6.5", "very long context", "超长上下文", "超長上下文"),
    Concept("A6.6", "cheaper computation", "计算成本", "計算成本"),
    Concept("A6.7", "measures that disagree", "评测标准", "評測標準"),
    Concept("A6.8", "one model for text, pictures and code", "统一模型", "統一模型"),
    Concept("A6.9", "networks joined with proofs", "符号与神经推理", "符號與神經推理"),
    Concept("A6.10", "models for one field", "领域模型", "領域模型"),
    # Summary
    Concept("A7.1", "one assistant that sees, hears, reads and answers", "智能助手", "智慧助理"),
)
# Sections of which every concept is run by a cell of code.
COMPLETE = frozenset({"A1", "A2", "A3"})


def find_concept(identifier: str) -> Concept:
    """Return the concept called `identifier`, such as "A2.10"; raise `KeyError` if there is none."""
    for concept in CONCEPTS:
        if concept.id == identifier:
            return concept
    raise KeyError(f"there is no concept {identifier!r}; they go from {CONCEPTS[0].id} to {CONCEPTS[-1].id}")
